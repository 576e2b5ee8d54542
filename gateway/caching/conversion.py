"""Between an answer as a whole and as the events of a stream, for chat and text completions.

``Assembler`` makes one of what an upstream streamed; ``events_of`` is the way back. Nothing is
lost on either: deltas are joined (texts appended, tool calls by their index, log probabilities
in order), and fields that nobody here knows are kept.
"""

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from core.ids import new_id

_CHUNKS = {"chat.completion": "chat.completion.chunk", "text_completion": "text_completion"}
_WHOLES = {"chat.completion.chunk": "chat.completion", "text_completion": "text_completion"}
_PREFIXES = {"chat.completion": "chatcmpl-", "text_completion": "cmpl-"}
# Of a delta: said once, not in pieces.
_NAMES = frozenset({"role", "id", "type", "name", "index"})


class Assembler:
    """Feed it the upstream's events; ``answer`` is the whole of them.

    Args:
        most: bytes of events beyond which it gives up.
    """

    def __init__(self, most: int) -> None:
        self._left = most
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self._usage: Any = None

    @property
    def overflowed(self) -> bool:
        return self._left < 0

    def feed(self, data: bytes) -> None:
        self._left -= len(data)
        if self.overflowed:
            return
        event = msgspec.json.decode(data)
        for name, value in event.items():
            if name not in {"choices", "usage"} and value is not None:
                self._head[name] = value
        self._usage = event.get("usage") or self._usage
        for position, choice in enumerate(event.get("choices") or ()):
            own = self._choices.setdefault(choice.get("index", position), {})
            _join_choice(own, choice)

    def answer(self) -> bytes | None:
        """The whole answer in JSON; ``None`` if it was too long or nothing came."""
        if self.overflowed or not self._choices:
            return None
        whole = {**self._head, "choices": [self._choices[at] for at in sorted(self._choices)]}
        whole["object"] = _WHOLES.get(str(self._head.get("object")), self._head.get("object"))
        if self._usage is not None:
            whole["usage"] = self._usage
        return msgspec.json.encode(whole)


def is_complete(raw: bytes) -> bool:
    """Whether every choice ended as it should; an embedding has none and is whole as it is."""
    answer = msgspec.json.decode(raw)
    if not isinstance(answer, dict) or answer.get("error"):
        return False
    if answer.get("object") == "list":
        return True
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        return False
    return all(
        isinstance(choice, dict)
        and choice.get("finish_reason") in {"stop", "length", "tool_calls", "function_call"}
        for choice in choices
    )


def has_tool_calls(raw: bytes) -> bool:
    """Whether some choice calls a tool: its arguments belong to the very question."""
    return any(
        (choice.get("message") or {}).get("tool_calls")
        or (choice.get("message") or {}).get("function_call")
        for choice in msgspec.json.decode(raw).get("choices") or ()
    )


def renewed(raw: bytes) -> dict[str, Any]:
    """The answer as one of now: an id of its own, and its input counted as cached."""
    answer = msgspec.json.decode(raw)
    prefix = _PREFIXES.get(answer.get("object"))
    if prefix is not None:
        answer["id"], answer["created"] = new_id("x").replace("x_", prefix), int(time.time())
    usage = answer.get("usage")
    if isinstance(usage, dict) and isinstance(usage.get("prompt_tokens"), int):
        details = usage.get("prompt_tokens_details")
        own = details if isinstance(details, dict) else {}
        usage["prompt_tokens_details"] = {**own, "cached_tokens": usage["prompt_tokens"]}
    return answer


def events_of(answer: dict[str, Any]) -> Iterator[bytes]:
    """A whole answer as the events of a stream: of each choice what it says, then why it ended."""
    head = {name: value for name, value in answer.items() if name not in {"choices", "usage"}}
    head["object"] = _CHUNKS.get(str(answer.get("object")), answer.get("object"))
    for choice in answer["choices"]:
        for part in _parts_of(choice):
            yield msgspec.json.encode({**head, "choices": [part]})
    if answer.get("usage") is not None:
        yield msgspec.json.encode({**head, "choices": [], "usage": answer["usage"]})


def _parts_of(choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    index = choice.get("index", 0)
    if "message" not in choice:  # a text completion says everything in its choice
        said = {name: value for name, value in choice.items() if name != "finish_reason"}
        yield {**said, "finish_reason": None}
        yield {"index": index, "text": "", "finish_reason": choice.get("finish_reason")}
        return
    rest = {
        name: value
        for name, value in choice.items()
        if name not in {"message", "index", "logprobs", "finish_reason"}
    }
    delta = dict(choice["message"])
    calls = delta.get("tool_calls")
    if isinstance(calls, list):
        delta["tool_calls"] = [{**call, "index": at} for at, call in enumerate(calls)]
    first = {"index": index, "delta": delta, "finish_reason": None}
    if choice.get("logprobs") is not None:
        first["logprobs"] = choice["logprobs"]
    yield first
    yield {"index": index, "delta": {}, "finish_reason": choice.get("finish_reason"), **rest}


def _join_choice(own: dict[str, Any], choice: dict[str, Any]) -> None:
    for name, value in choice.items():
        if name == "delta":
            _join(own.setdefault("message", {}), value or {})
        elif name == "text":
            own["text"] = own.get("text", "") + (value or "")
        elif name == "logprobs" and isinstance(value, dict):
            own["logprobs"] = _join_lists(own.get("logprobs") or {}, value)
        elif value is not None or name not in own:
            own[name] = value


def _join(own: dict[str, Any], said: dict[str, Any]) -> None:
    """Texts go on, lists go on by their items' index, names are said once."""
    for name, value in said.items():
        before = own.get(name)
        if isinstance(value, str) and isinstance(before, str) and name not in _NAMES:
            own[name] = before + value
        elif isinstance(value, dict) and isinstance(before, dict):
            _join(before, value)
        elif isinstance(value, list):
            own[name] = _join_items(before if isinstance(before, list) else [], value)
        elif value is not None or name not in own:
            own[name] = value


def _join_items(own: list[Any], items: list[Any]) -> list[Any]:
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get("index"), int):
            own.append(item)
            continue
        at, said = item["index"], {name: v for name, v in item.items() if name != "index"}
        if at < len(own):
            _join(own[at], said)
        else:
            fresh: dict[str, Any] = {}
            _join(fresh, said)
            own.append(fresh)
    return own


def _join_lists(own: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """Log probabilities: lists of tokens, one after the other."""
    joined = dict(own)
    for name, items in value.items():
        before = joined.get(name)
        if isinstance(before, list) and isinstance(items, list):
            joined[name] = [*before, *items]
        elif items is not None or name not in joined:
            joined[name] = items
    return joined
