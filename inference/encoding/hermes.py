"""Calls of tools in the markup of Hermes and Qwen: JSON between tags.

    <tool_call>
    {"name": "f", "arguments": {"city": "Paris"}}
    </tool_call>

Many templates know it. For those without a place for tools `told_of_tools` writes it into the
messages. Models slip: several calls as one list, ``parameters`` for ``arguments``, no closing tag.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from core.dsml import Kind, Piece
from core.tags import held_back
from inference.encoding.tools import as_json, from_json

OPEN, CLOSE = "<tool_call>", "</tool_call>"
_BEGUN = re.compile(r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)+")\s*,\s*"arguments"\s*:\s*')
# No words in the example that a small model could take for values: it copies them.
_TOOLS = """# Tools

You may call functions to help with the user's request. These are their signatures:
<tools>
{tools}
</tools>

For each call, answer with a JSON object of its name and arguments within <tool_call></tool_call>:
<tool_call>
{{"name": <name>, "arguments": <arguments as a JSON object>}}
</tool_call>"""


class HermesParser:
    """One answer, fed in whatever pieces it comes; what is no call stays text."""

    def __init__(self) -> None:
        self._buffer = ""
        self._inside = False  # of a call

    def feed(self, text: str) -> list[Piece]:
        self._buffer += text
        out: list[Piece] = []
        while self._call(out) if self._inside else self._text(out):
            pass
        return out

    def flush(self, *, truncated: bool = False) -> list[Piece]:
        """What is held when nothing follows. Args: truncated: a call may be cut: it stays
        invalid JSON."""
        text, self._buffer = self._buffer, ""
        if not self._inside:
            return [(Kind.TEXT, text)] if text else []
        self._inside = False
        if not truncated:
            return _pieces(_calls(text)) or [(Kind.TEXT, OPEN + text)]
        begun = _BEGUN.match(text)
        return (
            [(Kind.CALL, json.loads(begun[1])), (Kind.ARGUMENTS, text[begun.end() :])]
            if begun
            else [(Kind.TEXT, OPEN + text)]
        )

    def _text(self, out: list[Piece]) -> bool:
        at = self._buffer.find(OPEN)
        end = at if at >= 0 else len(self._buffer) - held_back(self._buffer, OPEN)
        if end:
            out.append((Kind.TEXT, self._buffer[:end]))
        self._buffer = self._buffer[end + len(OPEN) if at >= 0 else end :]
        self._inside = at >= 0
        return at >= 0

    def _call(self, out: list[Piece]) -> bool:
        at = self._buffer.find(CLOSE)
        while at >= 0:  # a tag within a text of the arguments ends nothing
            if calls := _calls(self._buffer[:at]):
                out += _pieces(calls)
                self._buffer, self._inside = self._buffer[at + len(CLOSE) :], False
                return True
            at = self._buffer.find(CLOSE, at + 1)
        return False


def told_of_tools(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Messages for a template without tools: the system's say what there is, calls and their
    results are texts."""
    leading = list(messages[:1]) if messages and messages[0]["role"] == "system" else []
    said = [str(message["content"]) for message in leading]
    said += [_TOOLS.format(tools="\n".join(map(as_json, tools)))] if tools else []
    told = [{"role": "system", "content": "\n\n".join(said)}] if said else []
    after_result = False
    for message in messages[len(leading) :]:
        made, is_result = _as_text(message), message["role"] == "tool"
        if is_result and after_result:  # turns alternate
            told[-1]["content"] += "\n" + made["content"]
        else:
            told.append(made)
        after_result = is_result
    return told


def _as_text(message: Mapping[str, Any]) -> dict[str, Any]:
    if message["role"] == "tool":
        return {
            "role": "user",
            "content": f"<tool_response>\n{message['content']}\n</tool_response>",
        }
    parts = [message["content"], *map(_as_markup, message.get("tool_calls") or ())]
    text = "\n".join(part for part in parts if part)
    return {"role": message["role"], "content": text}


def _as_markup(call: Mapping[str, Any]) -> str:
    function = call.get("function") or {}
    arguments = function.get("arguments") or "{}"
    known = from_json(arguments) if isinstance(arguments, str) else arguments
    told = {"name": function.get("name"), "arguments": arguments if known is None else known}
    return f"{OPEN}\n{as_json(told)}\n{CLOSE}"


def _pieces(calls: list[tuple[str, str]]) -> list[Piece]:
    return [
        piece
        for name, arguments in calls
        for piece in ((Kind.CALL, name), (Kind.ARGUMENTS, arguments))
    ]


def _calls(text: str) -> list[tuple[str, str]]:
    """Names and arguments of what stands between the tags; none: it is no call."""
    value = from_json(text)
    found = [_call_of(item) for item in (value if isinstance(value, list) else [value])]
    return [call for call in found if call] if all(found) else []


def _call_of(value: Any) -> tuple[str, str] | None:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    arguments = value.get("arguments", value.get("parameters", {}))
    return value["name"], arguments if isinstance(arguments, str) else as_json(arguments or {})
