"""The one walk over a chat request's texts: where each stands and how it is replaced.

Reading and replacing go the same way, so that a field nobody thought of is inspected too. A
``Visitor`` is shown every text; what it returns stands in the copy. The walk does not know what
is looked for.
"""

import re
from typing import Any, Protocol

import msgspec

_RESULT_ROLES = frozenset({"tool", "function"})
# Fields that steer the call: what stands there is no text as long as it looks like an
# identifier (`_IDENTIFIER`). `user` and `prompt_cache_key` are replaced
# by pseudonyms when the request is admitted.
_CONTROL_FIELDS = frozenset(
    {"model", "stream", "stream_options", "reasoning_effort", "thinking", "service_tier",
     "tool_choice", "modalities", "function_call", "chat_template_kwargs", "user",
     "safety_identifier", "prompt_cache_key", "encoding_format", "voice", "language", "size",
     "quality", "style", "background", "output_format", "stream_format", "moderation",
     "input_fidelity", "timestamp_granularities[]", "include[]"}
)  # fmt: skip
_MESSAGE_CONTROL_FIELDS = frozenset({"role", "tool_call_id", "cache_control"})
_PART_CONTROL_FIELDS = frozenset({"type", "detail", "format", "file_id", "cache_control"})
# Where a list holds several prompts, or texts to embed.
_LISTED_TEXTS = frozenset({"prompt", "input"})
_BINARY_FIELDS = frozenset({"data", "file_data"})
# What a provider signed or sealed; only it can read them.
_OPAQUE_FIELDS = frozenset({"signature", "data"})
_OPAQUE = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
_SCHEMA_STRUCTURE = frozenset({"type", "name", "required", "$ref"})
_IDENTIFIER = re.compile(r"[A-Za-z0-9_$#.:/-]{0,128}")
_NAME_FORBIDDEN = re.compile(r"[^A-Za-z0-9_-]+")
# Shorter numbers identify nobody on their own, and JSON is full of them.
_LEAST_DIGITS = 6


MAX_DEPTH = 100  # whoever walks a body calls itself once a level


def is_deep(value: dict[str, Any] | list[Any]) -> bool:
    """Whether it is nested more than ``MAX_DEPTH`` levels deep."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


class Visitor(Protocol):
    """What is done with the texts of a request, in the order in which they stand."""

    def text(self, text: str, /) -> str:
        """A text; the return value takes its place."""
        ...

    def glue(self, glue: str, /) -> None:
        """What stands between the texts around it, such as the name of their field."""
        ...

    def document(self) -> None:
        """What follows has nothing to do with what came before."""
        ...


def walk(body: dict[str, Any], visitor: Visitor) -> dict[str, Any]:
    """A copy of a chat-completions body with ``visitor.text(text)`` for each text."""
    result: dict[str, Any] = {}
    for key, value in body.items():
        visitor.document()
        if isinstance(value, int | float):
            result[key] = value
        elif key in _CONTROL_FIELDS:
            result[key] = _control(value, visitor)
        elif key == "messages" and isinstance(value, list):
            result[key] = [_message(message, visitor) for message in value]
        elif key in _LISTED_TEXTS and isinstance(value, list):
            result[key] = [_apart(item, visitor) for item in value]
        elif key in {"tools", "functions", "response_format"}:
            result[key] = _schema(value, visitor)
        else:
            visitor.glue(f"{key}: ")
            result[key] = _free(value, visitor)
    return result


def _message(message: Any, visitor: Visitor) -> Any:
    visitor.document()
    if not isinstance(message, dict):
        return _free(message, visitor)
    is_result = message.get("role") in _RESULT_ROLES
    result: dict[str, Any] = {}
    for key, value in message.items():
        visitor.document()
        if key in _MESSAGE_CONTROL_FIELDS:
            result[key] = _control(value, visitor)
        elif key == "tool_calls" and isinstance(value, list):
            result[key] = [_tool_call(call, visitor) for call in value]
        elif key == "function_call" and isinstance(value, dict):
            result[key] = _called_function(value, visitor)
        elif key == "thinking_blocks" and isinstance(value, list):
            result[key] = [_thought(block, visitor) for block in value]
        elif key == "content" and isinstance(value, list):
            read = _result_part if is_result else _part
            result[key] = [read(part, visitor) for part in value]
        elif key == "content" and isinstance(value, str) and is_result:
            result[key] = _json_text(value, visitor)
        elif key == "name" and isinstance(value, str):
            result[key] = _speaker(value, visitor)
        else:
            result[key] = _free(value, visitor)
    return result


def _apart(item: Any, visitor: Visitor) -> Any:
    """Texts of one request that have nothing to do with each other."""
    visitor.document()
    return _free(item, visitor)


def _speaker(name: str, visitor: Visitor) -> str:
    """Providers refuse brackets in a speaker's name; a bare token is restored as well."""
    visitor.glue("name: ")
    masked = visitor.text(name)
    return name if masked == name else _NAME_FORBIDDEN.sub("_", masked).strip("_")


def _part(part: Any, visitor: Visitor) -> Any:
    visitor.document()
    if not isinstance(part, dict):
        return _free(part, visitor)
    return {
        key: _control(value, visitor) if key in _PART_CONTROL_FIELDS else _media(value, visitor)
        for key, value in part.items()
    }


def _result_part(part: Any, visitor: Visitor) -> Any:
    """A tool's result is often JSON, also where it comes in parts."""
    if not isinstance(part, dict) or not isinstance(part.get("text"), str):
        return _part(part, visitor)
    rest = _part({key: value for key, value in part.items() if key != "text"}, visitor)
    visitor.document()
    return {**rest, "text": _json_text(part["text"], visitor)}


def _thought(block: Any, visitor: Visitor) -> Any:
    """A model's own reasoning under the signature of who serves it."""
    if not isinstance(block, dict):
        visitor.document()
        return _free(block, visitor)
    result: dict[str, Any] = {}
    for key, value in block.items():
        visitor.document()
        sealed = key in _OPAQUE_FIELDS and isinstance(value, str) and _OPAQUE.fullmatch(value)
        if key == "type" or sealed:
            result[key] = _control(value, visitor) if key == "type" else value
        else:
            result[_control(key, visitor)] = _free(value, visitor)
    return result


def _media(value: Any, visitor: Visitor) -> Any:
    """Binary content is left alone; the names and addresses beside it are texts."""
    if isinstance(value, dict):
        return {
            key: item if key in _BINARY_FIELDS else _beside_media(key, item, visitor)
            for key, item in value.items()
        }
    if isinstance(value, str) and value.startswith("data:"):
        return value
    return _free(value, visitor)


def _beside_media(key: str, value: Any, visitor: Visitor) -> Any:
    return _control(value, visitor) if key in _PART_CONTROL_FIELDS else _media(value, visitor)


def _tool_call(call: Any, visitor: Visitor) -> Any:
    visitor.document()
    if not isinstance(call, dict):
        return _free(call, visitor)
    result: dict[str, Any] = {}
    for key, value in call.items():
        if key in {"id", "type"}:
            result[key] = _control(value, visitor)
        elif key == "function" and isinstance(value, dict):
            result[key] = _called_function(value, visitor)
        else:
            result[key] = _free(value, visitor)
    return result


def _called_function(value: dict[str, Any], visitor: Visitor) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, item in value.items():
        if key == "name":
            result[key] = _control(item, visitor)
        elif key == "arguments" and isinstance(item, str):
            result[key] = _json_text(item, visitor)
        else:
            result[key] = _free(item, visitor)
    return result


def _json_text(text: str, visitor: Visitor) -> str:
    """A text that is JSON itself: its strings are inspected unescaped.

    Escapes would hide values from the detectors (``\\u0040`` for an at sign).
    The text stays byte for byte as it was unless something in it changed.
    """
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return visitor.text(text)
    if not isinstance(value, dict | list) or is_deep(value):
        return visitor.text(text)
    mapped = _free(value, visitor)
    return text if mapped == value else msgspec.json.encode(mapped).decode()


def _schema(value: Any, visitor: Visitor) -> Any:
    """Tool and response schemas: property names and types are structure, the rest is text."""
    if isinstance(value, dict):
        result: dict[str, Any] = {}
        for key, item in value.items():
            if key in _SCHEMA_STRUCTURE and not isinstance(item, dict):
                result[key] = _control(item, visitor)
                continue
            name = _control(key, visitor)
            visitor.glue(f"{key}: ")
            result[name] = _schema(item, visitor)
            visitor.glue("\n")
        return result
    if isinstance(value, list):
        return [_listed(_schema(item, visitor), visitor) for item in value]
    return _free(value, visitor)


def _control(value: Any, visitor: Visitor) -> Any:
    """What steers the call stays as it is; a text in its place is a text."""
    if isinstance(value, str):
        return value if _IDENTIFIER.fullmatch(value) else visitor.text(value)
    if isinstance(value, dict):
        return {_control(key, visitor): _control(item, visitor) for key, item in value.items()}
    if isinstance(value, list):
        return [_control(item, visitor) for item in value]
    return value


def _free(value: Any, visitor: Visitor) -> Any:
    """Anything: strings, long numbers and the keys of objects are texts."""
    if isinstance(value, str):
        return visitor.text(value)
    if isinstance(value, dict):
        result: dict[Any, Any] = {}
        for key, item in value.items():
            name = visitor.text(key)
            visitor.glue(": ")
            result[name] = _free(item, visitor)
            visitor.glue("\n")
        return result
    if isinstance(value, list):
        return [_listed(_free(item, visitor), visitor) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value, visitor)
    return value


def _listed(item: Any, visitor: Visitor) -> Any:
    visitor.glue("\n")
    return item


def _number(value: int | float, visitor: Visitor) -> int | float | str:
    """A number is a text too: a card or telephone number may come without quotes."""
    text = str(value)
    if len(text) < _LEAST_DIGITS:
        return value
    mapped = visitor.text(text)
    return value if mapped == text else mapped
