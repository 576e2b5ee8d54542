"""What an answer that has to call a tool may be, as a grammar in llguidance's Lark.

Here for all models but DeepSeek-V4: the arguments of a named function as JSON, or
``{"name": "f", "arguments": {...}}``. DeepSeek-V4's markup is in `inference.encoding.dsml_form`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
_WHITE_SPACE = r"[ ]|\n[ ]{0,16}"


@dataclass(frozen=True, slots=True)
class CallForm:
    """The form of one request's calls.

    Args:
        schemas: those that ``grammar`` holds, as clients wrote them.
        grammar: of the whole answer; None: the markup cannot tell what the schemas ask for.
        loose: the same with any arguments.
        strict: a client asked that its schema be kept to, so ``loose`` will not do.
    """

    schemas: tuple[Schema, ...]
    grammar: str | None
    loose: str
    strict: bool


def json_form(functions: Sequence[Schema], *, named: bool, strict: bool) -> CallForm:
    """Args: functions: ``name`` and ``parameters`` of those that may be called."""
    schemas = tuple({"type": "object", **mapping(f["parameters"])} for f in functions)
    names = [str(function["name"]) for function in functions]

    def grammar(of: Sequence[Schema]) -> str:
        calls = map(json_value, of)
        if not named:
            begun = map(literal, map(json_opening, names))
            calls = [f'{opening} {args} "}}"' for opening, args in zip(begun, calls, strict=True)]
        return f"start: {any_of(list(calls))}"

    return CallForm(schemas, grammar(schemas), grammar([{"type": "object"}] * len(names)), strict)


def json_opening(name: str) -> str:
    """What stands before the arguments where the model chooses the function."""
    return f'{{"name": {json.dumps(name, ensure_ascii=False)}, "arguments": '


def json_value(schema: Schema) -> str:
    """An expression for a value that meets ``schema``."""
    own = {**schema, "x-guidance": {"whitespace_pattern": _WHITE_SPACE}}
    return f"%json {json.dumps(own)}"


def literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def any_of(choices: Sequence[str]) -> str:
    return " | ".join(f"({choice})" for choice in choices)


def mapping(value: Any) -> Schema:
    """``value`` if it is an object, else an empty one: clients send null for nothing."""
    return value if isinstance(value, Mapping) else {}
