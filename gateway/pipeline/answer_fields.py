"""Where text stands in a message or delta of an answer, whatever shape its upstream gives it.

Every string counts but those known to steer: roles, ids, types, names of functions, audio data.
It knows places only; what is done to the text is ``answer_text``'s matter.
"""

from collections.abc import Iterator
from enum import Enum
from itertools import pairwise
from typing import Any, NamedTuple

Path = tuple[str | int, ...]

_CONTROL = frozenset(
    {"role", "id", "type", "index", "object", "format", "tool_call_id", "signature", "expires_at",
     "encrypted_content", "data"}
)  # fmt: skip
# Lists whose items go on from event to event; items of others come whole.
_RUNNING_LISTS = frozenset({"tool_calls", "content", "reasoning_details", "thinking_blocks"})
_FRAME = ("index", "type", "id", "format")


class Kind(Enum):
    """How a text is read."""

    TEXT = "text"  # it streams
    JSON = "json"  # it streams and is JSON source
    WHOLE = "whole"  # each event brings a complete one


class TextField(NamedTuple):
    """``container[key]`` is a text; ``frame`` is what its list item needs beside it."""

    container: dict[str, Any]
    key: str
    path: Path
    kind: Kind
    frame: dict[str, Any]


def text_fields(message: dict[str, Any]) -> Iterator[TextField]:
    """The texts of a message or delta that hold words of the model."""
    return _fields(message, (), Kind.TEXT, {})


def put_text(message: dict[str, Any], field: TextField, text: str) -> None:
    """Append ``text`` where ``field`` stands, in a delta that may lack the place."""
    node = message
    steps = field.path
    for step, after in pairwise(steps):
        if isinstance(step, int):
            continue
        if isinstance(after, int):
            items = node[step] = node.get(step) or []  # some upstreams send null
            found = [item for at, item in enumerate(items) if item.get("index", at) == after]
            if not found:
                found = [dict(field.frame)]
                items.append(found[0])
            node = found[0]
        else:
            node[step] = node.get(step) or {}
            node = node[step]
    node[field.key] = (node.get(field.key) or "") + text


def _fields(
    node: dict[str, Any], path: Path, kind: Kind, frame: dict[str, Any]
) -> Iterator[TextField]:
    for key, value in node.items():
        if key in _CONTROL or (key == "name" and path and path[-1] in {"function", "custom"}):
            continue
        if key == "function_call" and isinstance(value, dict) and not path:
            yield from _function(value, (key,), frame)
        elif key == "function" and isinstance(value, dict):
            yield from _function(value, (*path, key), frame)
        elif isinstance(value, str):
            yield TextField(node, key, (*path, key), kind, frame)
        elif isinstance(value, dict):
            yield from _fields(value, (*path, key), kind, frame)
        elif isinstance(value, list):
            running = kind is Kind.TEXT and key in _RUNNING_LISTS
            yield from _items(value, (*path, key), kind if running else Kind.WHOLE)


def _items(items: list[Any], path: Path, kind: Kind) -> Iterator[TextField]:
    for at, item in enumerate(items):
        if isinstance(item, dict):
            frame = {key: item[key] for key in _FRAME if key in item}
            if path == ("tool_calls",):
                frame = {"index": item.get("index", at)}
            yield from _fields(item, (*path, item.get("index", at)), kind, frame)


def _function(node: dict[str, Any], path: Path, frame: dict[str, Any]) -> Iterator[TextField]:
    for key, value in node.items():
        if key != "name" and isinstance(value, str):
            yield TextField(node, key, (*path, key), Kind.JSON, frame)
