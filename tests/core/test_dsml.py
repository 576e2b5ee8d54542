"""DSML against DeepSeek's own parser, and the slips that it does not take."""

import itertools
import json
from typing import Any

import deepseek_recipe as recipe
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dsml import DsmlParser, Kind, tools_of

TOOLS: dict[str, dict[str, Any]] = {
    "get_weather": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "f": {},
    "write": {"path": {"type": "string"}, "arguments": {"type": "object"}},
}


def parameter(name: str, value: str, string: str | None = "true") -> str:
    kind = "" if string is None else f' string="{string}"'
    return f'<｜DSML｜parameter name="{name}"{kind}>{value}</｜DSML｜parameter>\n'


def invoke(name: str, *parameters: str) -> str:
    return f'<｜DSML｜invoke name="{name}">\n{"".join(parameters)}</｜DSML｜invoke>\n'


def block(*invokes: str, opener: str = "tool_calls") -> str:
    return f"<｜DSML｜{opener}>\n{''.join(invokes)}</｜DSML｜{opener}>"


PARIS = invoke("get_weather", parameter("city", "Paris"), parameter("days", "5", "false"))


def parsed(*pieces: str, truncated: bool = False) -> tuple[str, list[tuple[str, str]]]:
    """The text that is left and the calls as (name, arguments), fed piece by piece."""
    parser = DsmlParser(TOOLS)
    out = [item for piece in pieces for item in parser.feed(piece)]
    out += parser.flush(truncated=truncated)
    assert parser.is_idle
    text, calls = "", []
    for kind, part in out:
        if kind is Kind.TEXT:
            text += part
        elif kind is Kind.CALL:
            calls.append((part, ""))
        else:
            name, before = calls.pop()
            calls.append((name, before + part))
    return text, calls


def by_recipe(text: str) -> tuple[str, list[tuple[str, Any]]]:
    """What DeepSeek's own parser makes of it."""
    tools = [recipe.ToolDefinition(name) for name in TOOLS]
    conversation = recipe.Conversation([recipe.UserMessage("Hi")], tools=tools)
    request = recipe.ConversationRequest(conversation, recipe.ModelVersion.DeepseekV4Pro)
    generator = recipe.ChatCompletionRequest.chunk_generator(request, "id", "m")
    processor = recipe.StreamProcessor(generator, recipe.ParsingOptions())
    chunks = processor.push(recipe.InferenceChunk.ready())
    chunks += processor.push(recipe.InferenceChunk.text(text, 1))
    chunks += processor.push(recipe.InferenceChunk.finish(recipe.InferenceFinishReason.Stop))
    chunks += processor.finish()
    answer = recipe.ChatCompletionResponse("id", "m", 1, 1, 0)
    for chunk in chunks:
        assert isinstance(chunk, recipe.ChatCompletionChunk)
        answer.accumulate(chunk)
    message = json.loads(answer.to_json())["choices"][0]["message"]
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    return message.get("content") or "", [
        (call["name"], json.loads(call["arguments"])) for call in calls
    ]


def loaded(calls: list[tuple[str, str]]) -> list[tuple[str, Any]]:
    return [(name, json.loads(arguments)) for name, arguments in calls]


plain = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="｜|"), max_size=40
)
names = st.text("abcdefgh_", min_size=1, max_size=8)
numbers = st.integers(-(10**15), 10**15) | st.floats(-1e9, 1e9) | st.booleans() | st.none()
values = st.recursive(
    numbers | plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
arguments = st.dictionaries(
    names, st.tuples(st.booleans(), values), max_size=4
)  # name: (as a text?, value)


@st.composite
def blocks(draw: st.DrawFn) -> str:
    calls = []
    for name in draw(st.lists(st.sampled_from(sorted(TOOLS)), min_size=1, max_size=3)):
        given_arguments = draw(arguments)
        parameters = [
            parameter(key, value, "true")
            if as_text and isinstance(value, str)
            else parameter(key, json.dumps(value, ensure_ascii=draw(st.booleans())), "false")
            for key, (as_text, value) in given_arguments.items()
        ]
        calls.append(invoke(name, *parameters))
    opener = draw(st.sampled_from(["tool_calls", "toolcalls", "tool", None]))
    return "".join(calls) if opener is None else block(*calls, opener=opener)


@given(before=plain, markup=blocks())
@settings(max_examples=300, deadline=None)
def test_says_what_the_models_own_parser_says(before: str, markup: str) -> None:
    text, calls = parsed(before + markup)
    expected_text, expected_calls = by_recipe(before + markup)

    assert loaded(calls) == expected_calls
    assert text.rstrip("\n") == expected_text.rstrip("\n")


@given(before=plain, markup=blocks(), after=plain, data=st.data())
@settings(max_examples=150, deadline=None)
def test_every_cut_gives_the_same(
    before: str, markup: str, after: str, data: st.DataObject
) -> None:
    whole = before + markup + after
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=12)))
    pieces = [whole[a:b] for a, b in itertools.pairwise([0, *cuts, len(whole)])]

    assert parsed(*pieces) == parsed(whole) == parsed(*whole)


def test_every_single_cut_of_an_answer() -> None:
    whole = "I look.\n\n" + block(PARIS, invoke("f")) + "\nDone < soon."
    expected = (
        "I look.\n\nDone < soon.",
        [("get_weather", '{"city": "Paris", "days": 5}'), ("f", "{}")],
    )

    assert parsed(whole) == expected
    for at in range(len(whole)):
        assert parsed(whole[:at], whole[at:]) == expected, at


@given(text=st.text(st.sampled_from('<>/｜DSML|tool_calsinvke name="f"\n'), max_size=120))
@settings(max_examples=300, deadline=None)
def test_text_without_a_call_stays(text: str) -> None:
    """Whatever looks like the markup but calls nothing, but for its beginning at the very end."""
    left, calls = parsed(*text)

    assert calls == []
    assert text.startswith(left)
    assert text[len(left) :].startswith(("<｜DSML｜", "<|DSML|")) or left == text


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (invoke("f", parameter("a", "x", None)), '{"a": "x"}'),
        (invoke("f", parameter("a", "5", None)), '{"a": 5}'),
        (invoke("f", parameter("a", '{"b": [1]}', None)), '{"a": {"b": [1]}}'),
        (invoke("get_weather", parameter("city", "75", None)), '{"city": "75"}'),
        (invoke("get_weather", parameter("days", "75", None)), '{"days": 75}'),
        (invoke("f", parameter("a", "{oops", "false")), '{"a": "{oops"}'),
        (invoke("f", parameter("a", "True", "false")), '{"a": true}'),
        (invoke("f", parameter("a", "12345678901234567890.10", "false")),
         '{"a": 12345678901234567890.10}'),
        (invoke("f", parameter("arguments", '{"a": 1}', "false")), '{"a": 1}'),
        (invoke("f", parameter("arguments", '{"a": 1}', "true")), '{"a": 1}'),
        (invoke("f", parameter("arguments", "not an object")), '{"arguments": "not an object"}'),
        (invoke("f", parameter("arguments", '{"a": 1}', "false"), parameter("b", "2")),
         '{"arguments": {"a": 1}, "b": "2"}'),
        (invoke("write", parameter("arguments", '{"a": 1}', "false")), '{"arguments": {"a": 1}}'),
        (invoke("f", '{"arguments": {"a": 1}}\n'), '{"a":1}'),
        (invoke("f", '{"arguments": "{\\"a\\": 1}"}\n'), '{"a":1}'),
        (invoke("f", '{"a": 1}\n'), '{"a": 1}'),
        (invoke("f", "no object\n"), "{}"),
        ('<｜DSML｜invoke name="f">\n<｜DSML｜parameter name="a" string="true">x\n'
         '<｜DSML｜parameter name="b" string="true">y</｜DSML｜invoke>', '{"a": "x\\n", "b": "y"}'),
        (invoke("f", parameter("a", "x")).replace("｜", "|"), '{"a": "x"}'),
    ],
)  # fmt: skip
def test_slips(markup: str, expected: str) -> None:
    for text in (markup, block(markup), block(markup, opener="toolcalls")):
        name = "write" if "write" in markup else "get_weather" if "weather" in markup else "f"

        assert parsed(text) == ("", [(name, expected)])
        assert parsed(*text) == ("", [(name, expected)])


def test_a_call_without_its_end_is_closed() -> None:
    assert parsed(PARIS.split("</｜DSML｜invoke>")[0])[1] == [
        ("get_weather", '{"city": "Paris", "days": 5}')
    ]
    assert parsed(PARIS.split("ris")[0])[1] == [("get_weather", '{"city": "Pa"}')]


def test_a_call_that_ran_into_the_limit_stays_unreadable() -> None:
    """Half a path must not be deleted."""
    for end in ("ris", "</｜DSML｜invoke>", "5"):
        (_, arguments_), *_ = parsed(PARIS.split(end)[0], truncated=True)[1]

        with pytest.raises(ValueError, match="line 1"):
            json.loads(arguments_)


def test_a_tool_that_the_request_does_not_have_is_text() -> None:
    text = "Such as " + block(invoke("unknown", parameter("a", "x"))) + " there."

    assert parsed(text) == (text, [])
    assert parsed(*text) == (text, [])


def test_a_text_goes_out_as_it_comes() -> None:
    parser = DsmlParser(TOOLS)
    parser.feed('<｜DSML｜invoke name="write"><｜DSML｜parameter name="path" string="true">/a')

    assert parser.feed("/long/path") == [(Kind.ARGUMENTS, "/long/path")]
    assert parser.feed("<") == []
    assert parser.feed("b") == [(Kind.ARGUMENTS, "<b")]


def test_a_lone_bracket_is_held_no_longer_than_needed() -> None:
    parser = DsmlParser(TOOLS)

    assert parser.feed("a <") == [(Kind.TEXT, "a ")]
    assert parser.feed("｜DSML") == []
    assert parser.feed("?") == [(Kind.TEXT, "<｜DSML?")]
    assert parser.is_idle
    assert parser.feed("<｜DSML｜tool>" + " " * 600) == [(Kind.TEXT, "<｜DSML｜tool>" + " " * 600)]


def test_tools_of_a_request() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    tools = [
        {"type": "function", "function": {"name": "f", "parameters": schema}},
        {"type": "function", "function": {"name": "g"}},
        {"type": "custom", "custom": {"name": "h"}},
        "odd",
    ]

    assert tools_of({"tools": tools}) == {"f": {"a": {"type": "string"}}, "g": {}}
    assert tools_of({}) == tools_of({"tools": None}) == {}


def strictly(*pieces: str) -> tuple[str, list[tuple[str, str]]]:
    parser = DsmlParser({}, strict=True)
    out = [item for piece in pieces for item in parser.feed(piece)] + parser.flush()
    text = "".join(part for kind, part in out if kind is Kind.TEXT)
    names = [part for kind, part in out if kind is Kind.CALL]
    return text, [
        (name, "".join(part for kind, part in out if kind is Kind.ARGUMENTS)) for name in names
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a " + block(invoke("unknown", parameter("x", "y"))), ("a ", [("unknown", '{"x": "y"}')])),
        ("<｜DSML｜tool_calls>\nhello</｜DSML｜tool_calls> x", ("hellox", [])),
        ("a<｜DSML｜parameter name=\"b\" string=\"true\">c", ("ac", [])),
        ("a</｜DSML｜tool_ca", ("a", [])),
        ("a <b> | <", ("a <b> | <", [])),
        (block(invoke("f", parameter("x", "y"))).replace("DSML｜", "DSML｜ "),
         ("", [("f", '{"x": "y"}')])),
    ],
)  # fmt: skip
def test_a_models_own_output_keeps_no_markup(text: str, expected: Any) -> None:
    assert strictly(text) == expected
    for at in range(len(text)):
        assert strictly(text[:at], text[at:]) == expected, at
