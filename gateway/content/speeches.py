"""Who said what in a chat request: for the classifiers, the router and conversation keys.

It reads; nothing here replaces anything.
"""

from collections.abc import Mapping
from typing import Any

from guardrails.types import Role

_MESSAGE_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}

# Where endpoints that know no messages have what their client says.
_SPOKEN_FIELDS = ("prompt", "input", "suffix", "instructions")
_BEGINNING = 256  # characters of a prompt that tell one conversation from another


def speeches_of(body: dict[str, Any]) -> list[tuple[str, Role]]:
    """What was said, message by message, and by whom: what moderation and injection judge.

    Whole texts, since a word of a JSON object on its own (a key such as ``to``)
    is no speech, and the classifiers were not made for it.
    """
    found: dict[tuple[str, Role], None] = {}
    for name in _SPOKEN_FIELDS:
        for text in _texts(body.get(name)):
            found[text, Role.USER] = None
    for message in body.get("messages") or ():
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


def conversation_key(body: Mapping[str, Any]) -> str:
    """What all requests of one conversation begin with: its messages up to the first user's."""
    parts: list[str] = []
    for message in body.get("messages") or ():
        if isinstance(message, dict):
            parts.append(_plain_text(message.get("content")))
            if message.get("role") == "user":
                break
    return "\0".join(parts) or _spoken(body)[:_BEGINNING]


def last_user_text(body: Mapping[str, Any]) -> str:
    """The text of the latest user message, for the router."""
    for message in reversed(body.get("messages") or ()):
        if isinstance(message, dict) and message.get("role") == "user":
            return _plain_text(message.get("content"))
    return _spoken(body)


def _spoken(body: Mapping[str, Any]) -> str:
    """What a body without messages says first."""
    return next((text for name in _SPOKEN_FIELDS for text in _texts(body.get(name))), "")


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str) and item]


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
