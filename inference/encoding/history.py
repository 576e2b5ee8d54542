"""The messages of a request as the turns that DeepSeek-V4 knows: system, user, assistant.

There is no turn of tools: results stand in the user's, ordered as their calls were.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inference.errors import RequestInvalid

Message = Mapping[str, Any]
SYSTEM_ROLES = ("system", "developer")


@dataclass(slots=True)
class SystemTurn:
    text: str


@dataclass(slots=True)
class UserTurn:
    """``blocks``: ``(is_result, text)``."""

    blocks: list[tuple[bool, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Call:
    """``arguments``: JSON, as the model gave it."""

    id: str
    name: str
    arguments: str


@dataclass(slots=True)
class AssistantTurn:
    """``unfinished``: the client began the answer that is asked for."""

    content: str
    reasoning: str | None
    calls: list["Call"]
    unfinished: bool = False


Turn = SystemTurn | UserTurn | AssistantTurn


def turns_of(messages: Sequence[Message]) -> list[Turn]:
    """Raises RequestInvalid for results without calls, calls without results, unknown roles."""
    turns: list[Turn] = []
    at = 0
    while at < len(messages):
        message = messages[at]
        role, at = message["role"], at + 1
        if role in SYSTEM_ROLES:
            turns.append(SystemTurn(message.get("content") or ""))
        elif role == "user":
            _user(turns).blocks.append((False, message.get("content") or ""))
        elif role == "assistant":
            turn = _assistant(message, last=at == len(messages))
            turns.append(turn)
            if turn.calls:
                end = at + len(turn.calls)
                _user(turns).blocks += _results(turn.calls, messages[at:end])
                at = end
        elif role == "tool":
            raise RequestInvalid(
                "A tool message answers no tool call of the assistant message before it.",
                param="messages",
            )
        else:
            raise RequestInvalid(
                "A message's role is none of system, developer, user, assistant and tool.",
                param="messages",
            )
    return turns


def _user(turns: list[Turn]) -> UserTurn:
    """The user turn that goes on, or a new one."""
    if turns and isinstance(turns[-1], UserTurn):
        return turns[-1]
    turns.append(turn := UserTurn())
    return turn


def _assistant(message: Message, *, last: bool) -> AssistantTurn:
    calls = [_call(call) for call in message.get("tool_calls") or ()]
    unfinished = bool(message.get("prefix")) and last
    if message.get("prefix") and not last:
        raise RequestInvalid("prefix is for the last message only.", param="messages")
    return AssistantTurn(
        message.get("content") or "", message.get("reasoning_content"), calls, unfinished
    )


def _call(call: Mapping[str, Any]) -> Call:
    function, number = call.get("function"), call.get("id", "")
    if isinstance(function, Mapping):
        name, arguments = function.get("name"), function.get("arguments", "")
        if isinstance(arguments, Mapping):
            arguments = json.dumps(arguments, ensure_ascii=False)
        if isinstance(number, str) and isinstance(name, str) and isinstance(arguments, str):
            return Call(number, name, arguments)
    raise RequestInvalid(
        "Each of tool_calls needs an id and a function with a name and arguments, as texts.",
        param="messages",
    )


def _results(calls: Sequence[Call], answers: Sequence[Message]) -> list[tuple[bool, str]]:
    """One for each call, in the order of the calls."""
    found: dict[Any, list[str]] = {}
    for answer in answers:
        if answer["role"] == "tool":
            found.setdefault(answer.get("tool_call_id"), []).append(answer.get("content") or "")
    results = []
    for call in calls:
        given = found.get(call.id)
        if not given:
            raise RequestInvalid(
                "An assistant message with tool_calls must be followed by one tool message for "
                "each of its calls, with the call's id as tool_call_id.",
                param="messages",
            )
        results.append((True, given.pop(0)))
    return results
