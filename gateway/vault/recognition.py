"""By what a conversation is known again: an identifier that the client sends, or its messages.

A client may cut off the beginning of its history; any message that was seen before tells the
conversation, the latest one first. The last message is the new one, and system messages are
the same in all conversations of an application, so neither tells anything.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.vault.keys import TenantKeys

HEADER = b"x-sovgate-conversation-id"
_PLAIN = {"role", "content"}
_SYSTEM_ROLES = frozenset({"system", "developer"})
# More would not be needed: a history that was cut keeps its latest messages.
_MOST_MESSAGES = 64
_LONGEST_IDENTIFIER = 512


class Marks(msgspec.Struct, frozen=True):
    """What tells the conversation of one request.

    Args:
        identifier: of the conversation, if the client sent one; keyed, as it is stored.
        history: digests of the messages before the last one, latest first.
        answers: those of them that a model said.
        latest: digest of the last message.
    """

    identifier: str | None
    history: tuple[str, ...]
    answers: frozenset[str]
    latest: str | None

    @property
    def all(self) -> tuple[str, ...]:
        return self.history if self.latest is None else (self.latest, *self.history)


def marks_of(
    keys: TenantKeys, key_id: str, body: Mapping[str, Any], headers: Mapping[bytes, bytes]
) -> Marks:
    """``key_id`` parts the conversations of a tenant's keys from each other."""
    given = _given(body, headers)
    identifier = None if given is None else keys.digest("conversation", key_id, given).hex()
    messages = [
        message
        for message in body.get("messages") or ()
        if isinstance(message, dict) and message.get("role") not in _SYSTEM_ROLES
    ][-_MOST_MESSAGES - 1 :]
    digests = [_digest(keys, key_id, message) for message in messages]
    answers = {
        digest
        for digest, message in zip(digests, messages, strict=True)
        if message.get("role") == "assistant"
    }
    return Marks(
        identifier,
        tuple(reversed(digests[:-1])),
        frozenset(answers),
        digests[-1] if digests else None,
    )


def _given(body: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> str | None:
    metadata, conversation = body.get("metadata"), body.get("conversation")
    candidates = (
        headers.get(HEADER, b"").decode("latin-1"),
        metadata.get("conversation_id") if isinstance(metadata, dict) else None,
        conversation.get("id") if isinstance(conversation, dict) else conversation,
        body.get("prompt_cache_key"),
    )
    for candidate in candidates:
        if isinstance(candidate, str) and candidate.strip():
            return candidate.strip()[:_LONGEST_IDENTIFIER]
    return None


def _digest(keys: TenantKeys, key_id: str, message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str) and message.keys() == _PLAIN:
        text = f"{message['role']}\0{content}"  # most messages; escaping takes longest
    else:
        said = {key: value for key, value in message.items() if value is not None}
        text = json.dumps(said, sort_keys=True)
    return keys.digest("message", key_id, text).hex()
