"""A call that must be keeps to its function's schema, whatever the model would rather say."""

import json
import random
from typing import Any

import jsonschema
import pytest
from v4_chats import tokenizer_json

from inference.chat import ChatTemplate
from inference.constraints import ConstraintCompiler
from inference.encoding.formats import (
    Chat,
    ChatFormat,
    ChatPrompt,
    DeepseekV4Format,
    TemplateFormat,
)
from inference.encoding.generations import GENERATIONS
from inference.encoding.output import Part
from inference.errors import ConstraintUnsupported
from inference.tokenizer import IncrementalDetokenizer, Tokenizer

TOKENIZER = Tokenizer.from_json(tokenizer_json())
END = TOKENIZER.id_of("<｜end▁of▁sentence｜>") or 0
CLOSERS = ('"', "}", "]", "</", "｜", ">", ",", ":")
TEMPLATE = (
    "{% for m in messages %}{{ m.content }}{% endfor %}"
    "{% if tools %}{{ tools | tojson }}{% endif %}"
)
FORMATS: dict[str, ChatFormat] = {
    "template": TemplateFormat(ChatTemplate(TEMPLATE, TOKENIZER), TOKENIZER),
    **{name: DeepseekV4Format(TOKENIZER, kind) for name, kind in GENERATIONS.items()},
}
ADDRESS = {
    "type": "object",
    "properties": {"street": {"type": "string", "maxLength": 4}, "floor": {"type": "integer"}},
    "required": ["street"],
    "additionalProperties": False,
}
TREE = {
    "type": "object",
    "properties": {"leaf": {"type": "boolean"}, "next": {"$ref": "#/$defs/tree"}},
    "required": ["leaf"],
    "additionalProperties": False,
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "weather": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where"},
            "unit": {"enum": ["celsius", 'fahren"heit', "line\nfeed"]},
            "days": {"type": "integer", "minimum": 1, "maximum": 7},
        },
        "required": ["city", "days"],
    },
    "nested": {
        "type": "object",
        "properties": {
            "to": ADDRESS,
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2},
            "urgent": {"type": "boolean"},
        },
        "required": ["to", "tags"],
        "additionalProperties": False,
    },
    "recursive": {
        "type": "object",
        "properties": {"root": {"$ref": "#/$defs/tree"}},
        "required": ["root"],
        "$defs": {"tree": TREE},
    },
    "unions": {
        "type": "object",
        "properties": {
            "note": {"type": ["string", "null"], "maxLength": 3},
            "size": {"anyOf": [{"type": "integer"}, {"enum": ["big"]}]},
            "kind": {"const": "fixed"},
        },
        "required": ["note", "size", "kind"],
    },
    "patterned": {
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": "^[A-C]{2}-\\d{2}$"},
            "day": {"type": "string", "format": "date"},
        },
        "required": ["code", "day"],
    },
    "empty": {"type": "object", "properties": {}, "additionalProperties": False},
    "anything": {},
}


def tool(name: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": schema, **more}}


def asked(
    kind: str, tools: list[dict[str, Any]], choice: Any, thinking: str = "disabled"
) -> ChatPrompt:
    messages = [{"role": "user", "content": "Hello"}]
    return FORMATS[kind].prompt(Chat(messages, tools, choice, thinking={"type": thinking}))


@pytest.fixture(scope="module")
def compiler() -> ConstraintCompiler:
    return ConstraintCompiler(TOKENIZER, TOKENIZER.vocab_size, [END])


def answered(compiler: ConstraintCompiler, prompt: ChatPrompt, seed: int) -> tuple[str, str]:
    """Name and arguments of the call that a model writes which draws any token that may come."""
    assert prompt.calls is not None
    constraint = compiler.compile_calls(prompt.calls, prompt.end_of_thinking)
    draw = random.Random(seed)
    detokenizer, parser = IncrementalDetokenizer(TOKENIZER, prompt.keeps), prompt.parser()
    thoughts = TOKENIZER.encode("Hm</think>") if prompt.end_of_thinking is not None else []
    ids = list(thoughts)
    events = [event for token in ids for event in parser.feed(detokenizer.push(token))]
    while END not in ids:
        assert len(ids) < 800
        mask = constraint.mask(ids)
        assert mask is not None
        may = [n for n in range(TOKENIZER.vocab_size) if mask[n // 8] >> n % 8 & 1]
        if len(ids) > 50:  # or texts would go on for ever
            spelled = {n: TOKENIZER.decode([n], skip_special=False) for n in may}
            may = [n for n in may if spelled[n].startswith(CLOSERS)] or may
        ids.append(draw.choice(may))
        if ids[-1] != END:
            events += parser.feed(detokenizer.push(ids[-1]))
    events += parser.finish()
    told = [event for event in events if event[0] is not Part.REASONING]
    assert "".join(text for part, text in events if part is Part.REASONING) == (
        "Hm" if thoughts else ""
    )
    assert [part for part, _ in told].count(Part.CALL) == 1
    assert {part for part, _ in told} <= {Part.CALL, Part.ARGUMENTS}
    return told[0][1], "".join(text for part, text in events if part is Part.ARGUMENTS)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("named", [True, False])
def test_arguments_meet_the_schema(compiler: ConstraintCompiler, kind: str, named: bool) -> None:
    tools = [tool(name, schema) for name, schema in SCHEMAS.items()]
    seen = set()
    for seed in range(14):
        wanted = list(SCHEMAS)[seed % len(SCHEMAS)]
        choice = {"type": "function", "function": {"name": wanted}} if named else "required"
        name, arguments = answered(compiler, asked(kind, tools, choice), seed)
        assert not named or name == wanted
        jsonschema.validate(json.loads(arguments), {"type": "object", **SCHEMAS[name]})
        seen.add(name)
    assert len(seen) >= 4


@pytest.mark.parametrize("kind", GENERATIONS)
@pytest.mark.parametrize("named", [True, False])
def test_a_call_that_must_be_follows_the_thoughts(
    compiler: ConstraintCompiler, kind: str, named: bool
) -> None:
    tools = [tool("weather", SCHEMAS["weather"]), tool("empty", SCHEMAS["empty"])]
    choice = {"type": "function", "function": {"name": "empty"}} if named else "required"
    for seed in range(4):
        name, arguments = answered(compiler, asked(kind, tools, choice, "enabled"), seed)
        assert not named or name == "empty"
        jsonschema.validate(json.loads(arguments), SCHEMAS[name])


@pytest.mark.parametrize(
    ("schema", "by_markup"),
    [
        ({"type": "object", "properties": {"a": {"not": {"type": "null"}}}}, False),
        ({"type": "object", "properties": {"a": {"multipleOf": 10**9}}}, False),
        ({"type": "object", "patternProperties": {"^x+$": {"type": "integer"}}}, True),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}}, True),
    ],
)
@pytest.mark.parametrize("kind", ["template", "deepseek-v4-0731"])
def test_what_cannot_be_enforced_is_refused_only_where_it_was_asked_for(
    compiler: ConstraintCompiler, kind: str, schema: dict[str, Any], by_markup: bool
) -> None:
    name, arguments = answered(compiler, asked(kind, [tool("f", schema)], "required"), 1)
    assert name == "f"
    assert isinstance(json.loads(arguments), dict)
    strict = asked(kind, [tool("f", schema, strict=True)], "required").calls
    assert strict is not None
    if kind == "template" and by_markup:
        compiler.compile_calls(strict)
        return
    with pytest.raises(ConstraintUnsupported) as raised:
        compiler.compile_calls(strict)
    assert raised.value.param == "tools"


def test_who_may_answer_is_free(compiler: ConstraintCompiler) -> None:
    for kind in FORMATS:
        for choice in (None, "auto", "none"):
            assert asked(kind, [tool("f", {})], choice).calls is None
