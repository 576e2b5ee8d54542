"""Every text of a chat request: where it stands, what part it plays, how to replace it.

One walk serves reading and replacing: ``map_texts`` rebuilds the body with a
function applied to each text, whatever field it is in, so that a field nobody
thought of is inspected too. It does not know what is looked for.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from guardrails.types import Role

TextFunction = Callable[[str], str]

_MESSAGE_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}
_RESULT_ROLES = frozenset({"tool", "function"})
# Fields that steer the call and hold no free text.
_CONTROL_FIELDS = frozenset(
    {"model", "stream", "stream_options", "reasoning_effort", "thinking", "service_tier",
     "tool_choice", "modalities", "function_call", "chat_template_kwargs", "user",
     "safety_identifier", "prompt_cache_key"}
)  # fmt: skip
_MESSAGE_CONTROL_FIELDS = frozenset({"role", "tool_call_id"})
_PART_CONTROL_FIELDS = frozenset({"type", "detail", "format", "file_id"})
_BINARY_FIELDS = frozenset({"data", "file_data"})


def map_texts(body: dict[str, Any], function: TextFunction) -> dict[str, Any]:
    """A copy of a chat-completions body with ``function(text)`` for each text."""
    result: dict[str, Any] = {}
    for key, value in body.items():
        if key in _CONTROL_FIELDS:
            result[key] = value
        elif key == "messages" and isinstance(value, list):
            result[key] = [_message(message, function) for message in value]
        elif key in {"tools", "functions", "response_format"}:
            result[key] = _schema(value, function)
        else:
            result[key] = _free(value, function)
    return result


def texts_of(body: dict[str, Any]) -> list[str]:
    """Every text of the body, in order, repeated ones once: what may hold personal data."""
    found: dict[str, None] = {}

    def collect(text: str) -> str:
        if text:
            found[text] = None
        return text

    map_texts(body, collect)
    return list(found)


def speeches_of(body: dict[str, Any]) -> list[tuple[str, Role]]:
    """What was said, message by message, and by whom: what moderation and injection judge.

    Whole texts, since a word of a JSON object on its own (a key such as ``to``)
    is no speech, and the classifiers were not made for it.
    """
    found: dict[tuple[str, Role], None] = {}
    for message in body["messages"]:
        role = _MESSAGE_ROLES.get(message["role"], Role.USER)
        calls = message.get("tool_calls")
        functions = [message.get("function_call")]
        if isinstance(calls, list):
            functions += [call.get("function") for call in calls if isinstance(call, dict)]
        arguments = [item.get("arguments") for item in functions if isinstance(item, dict)]
        for text in (_plain_text(message.get("content")), *arguments):
            if isinstance(text, str) and text:
                found[text, role] = None
    return list(found)


def conversation_key(body: dict[str, Any]) -> str:
    """What all requests of one conversation begin with: its messages up to the first user's."""
    parts: list[str] = []
    for message in body["messages"]:
        if isinstance(message, dict):
            parts.append(_plain_text(message.get("content")))
            if message.get("role") == "user":
                break
    return "\0".join(parts)


def last_user_text(body: dict[str, Any]) -> str:
    """The text of the latest user message, for the router."""
    for message in reversed(body["messages"]):
        if isinstance(message, dict) and message.get("role") == "user":
            return _plain_text(message.get("content"))
    return ""


def _plain_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(
            part["text"]
            for part in content
            if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    return ""


def _message(message: Any, function: TextFunction) -> Any:
    if not isinstance(message, dict):
        return _free(message, function)
    is_result = message.get("role") in _RESULT_ROLES
    result: dict[str, Any] = {}
    for key, value in message.items():
        if key in _MESSAGE_CONTROL_FIELDS:
            result[key] = value
        elif key == "tool_calls" and isinstance(value, list):
            result[key] = [_tool_call(call, function) for call in value]
        elif key == "function_call" and isinstance(value, dict):
            result[key] = _called_function(value, function)
        elif key == "content" and isinstance(value, list):
            result[key] = [_part(part, function) for part in value]
        elif key == "content" and isinstance(value, str) and is_result:
            result[key] = _json_text(value, function)
        else:
            result[key] = _free(value, function)
    return result


def _part(part: Any, function: TextFunction) -> Any:
    if not isinstance(part, dict):
        return _free(part, function)
    return {
        key: value if key in _PART_CONTROL_FIELDS else _media(value, function)
        for key, value in part.items()
    }


def _media(value: Any, function: TextFunction) -> Any:
    """Binary content is left alone; the names and addresses beside it are texts."""
    if isinstance(value, dict):
        return {
            key: item
            if key in _BINARY_FIELDS or key in _PART_CONTROL_FIELDS
            else _media(item, function)
            for key, item in value.items()
        }
    if isinstance(value, str) and value.startswith("data:"):
        return value
    return _free(value, function)


def _tool_call(call: Any, function: TextFunction) -> Any:
    if not isinstance(call, dict):
        return _free(call, function)
    result: dict[str, Any] = {}
    for key, value in call.items():
        if key in {"id", "type"}:
            result[key] = value
        elif key == "function" and isinstance(value, dict):
            result[key] = _called_function(value, function)
        else:
            result[key] = _free(value, function)
    return result


def _called_function(value: dict[str, Any], function: TextFunction) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, item in value.items():
        if key == "name":
            result[key] = item
        elif key == "arguments" and isinstance(item, str):
            result[key] = _json_text(item, function)
        else:
            result[key] = _free(item, function)
    return result


def _json_text(text: str, function: TextFunction) -> str:
    """A text that is JSON itself: its strings are inspected unescaped.

    Escapes would hide values from the detectors (``\\u0040`` for an at sign).
    The text stays byte for byte as it was unless something in it changed.
    """
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return function(text)
    if not isinstance(value, dict | list):
        return function(text)
    mapped = _free(value, function)
    return text if mapped == value else msgspec.json.encode(mapped).decode()


def _schema(value: Any, function: TextFunction) -> Any:
    """Tool and response schemas: property names and types are structure, the rest is text."""
    if isinstance(value, dict):
        return {
            key: item
            if key in {"type", "name", "required", "$ref"} and not isinstance(item, dict)
            else _schema(item, function)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_schema(item, function) for item in value]
    return function(value) if isinstance(value, str) else value


def _free(value: Any, function: TextFunction) -> Any:
    """Anything: strings and the keys of objects are texts."""
    if isinstance(value, str):
        return function(value)
    if isinstance(value, dict):
        return {function(key): _free(item, function) for key, item in value.items()}
    if isinstance(value, list):
        return [_free(item, function) for item in value]
    return value
