"""Tools in DeepSeek-V4's prompts: what is said of them, and their calls as parameters."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference.errors import RequestInvalid

TOOLS = """## Tools

You have access to a set of tools to help answer the user's question. You can invoke tools by \
writing a "<{dsml}{block}>" block like the following:

<{dsml}{block}>
<{dsml}invoke name="$TOOL_NAME">
<{dsml}parameter name="$PARAMETER_NAME" string="true|false">$PARAMETER_VALUE</{dsml}parameter>
...
</{dsml}invoke>
<{dsml}invoke name="$TOOL_NAME2">
...
</{dsml}invoke>
</{dsml}{block}>

String parameters should be specified as is and set `string="true"`. For all other types \
(numbers, booleans, arrays, objects), pass the value in JSON format and set `string="false"`.

If thinking_mode is enabled (triggered by <think>), you MUST output your complete reasoning inside \
<think>...</think> BEFORE any tool calls or final response.

Otherwise, output directly after </think> with tool calls or final response.

### Available Tool Schemas

"""
TOOLS_END = (
    "\n\nYou MUST strictly follow the above defined tool name and parameter schemas to invoke tool "
    "calls.\n"
)


def functions_of(tools: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The functions in the order and with the keys that the checkpoints know."""
    found = []
    for tool in tools:
        function = tool.get("function")
        name = function.get("name") if isinstance(function, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(name, str) or not name:
            raise RequestInvalid(
                "Each of tools needs the type function and a function with a name.", param="tools"
            )
        description, parameters = function.get("description"), function.get("parameters")
        found.append(
            {"name": name, "description": description or "", "parameters": parameters or {}}
        )
    return found


def wanted_of(choice: Any, functions: Sequence[Mapping[str, Any]]) -> str | None:
    """The function that must be called, ``""`` for any; None: the model may answer."""
    if choice in (None, "auto", "none"):
        return None
    if choice == "required" and functions:
        return ""
    function = choice.get("function") if isinstance(choice, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if name is None or name not in [function["name"] for function in functions]:
        raise RequestInvalid(
            "tool_choice is none of none, auto, required and a function of tools.",
            param="tool_choice",
        )
    return name


@dataclass(frozen=True, slots=True)
class Forced:
    """The functions that an answer has to call one of; ``named``: the client chose it.

    ``strict``: one of them asks that its schema be kept to.
    """

    functions: list[dict[str, Any]]
    named: bool
    strict: bool


def forced_of(tools: Sequence[Mapping[str, Any]], choice: Any) -> Forced | None:
    """None: the model may answer. Raises RequestInvalid, as `wanted_of`."""
    if choice in (None, "auto", "none"):
        return None
    functions = functions_of(tools)
    wanted = wanted_of(choice, functions)
    strict = {tool["function"]["name"] for tool in tools if tool["function"].get("strict") is True}
    allowed = [function for function in functions if wanted in ("", function["name"])]
    return Forced(allowed, bool(wanted), any(f["name"] in strict for f in allowed))


def parameters_of(arguments: str) -> list[tuple[str, bool, str]]:
    """``(name, is_text, value)``; what is no JSON object stands as one text."""
    values = from_json(arguments)
    if not isinstance(values, dict):
        return [("arguments", True, arguments)]
    return [
        (name, isinstance(value, str), value if isinstance(value, str) else as_json(value))
        for name, value in values.items()
    ]


def from_json(text: str) -> Any:
    """None where a model wrote no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
