"""Text completions as the chat answers that ``gateway.pipeline.answer`` inspects, and back.

``text`` stands for ``message.content`` or ``delta.content``; the four parallel lists of
``logprobs`` for chat's list of entries. What inspection does not change passes byte for byte.
"""

from typing import Any

import msgspec

from gateway.exchange import Exchange
from gateway.pipeline.answer import AnswerStream, choices_of, decode_answer, inspect_choices
from gateway.pipeline.answer_judge import Judge
from gateway.pipeline.answer_text import OutputGuard

_LISTS = ("tokens", "token_logprobs", "top_logprobs")


def inspect_completion(
    exchange: Exchange, raw: bytes, judge: Judge | None, guard: OutputGuard
) -> bytes:
    """A whole answer; raises what ``inspect_answer`` raises."""
    answer = decode_answer(raw, exchange)
    exchange.upstream_usage(answer.get("usage"))
    choices = choices_of(answer)
    offsets = [_to_chat(choice, "message") for choice in choices]
    if not inspect_choices(exchange, choices, judge, guard):
        return raw
    for choice, offset in zip(choices, offsets, strict=True):
        _to_text(choice, "message", offset)
    return msgspec.json.encode(answer)


class CompletionStream:
    """``AnswerStream`` for the events of text completions."""

    def __init__(self, exchange: Exchange, judge: Judge | None, guard: OutputGuard) -> None:
        self._exchange = exchange
        self._chat = AnswerStream(exchange, judge, guard)
        self._offsets: dict[int, int] = {}  # by choice: where its next token begins
        self.blocked = False

    def feed(self, data: bytes) -> list[bytes]:
        event = decode_answer(data, self._exchange)
        for position, choice in enumerate(choices_of(event)):
            offset = _to_chat(choice, "delta")
            if offset is not None:
                self._offsets.setdefault(choice.get("index", position), offset)
        given = msgspec.json.encode(event)
        events = self._chat.feed(given)
        self.blocked = self._chat.blocked
        return [data if out is given else self._text_event(out) for out in events]

    def finish(self) -> list[bytes]:
        events = self._chat.finish()
        self.blocked = self._chat.blocked
        return [self._text_event(out) for out in events]

    def _text_event(self, data: bytes) -> bytes:
        event = msgspec.json.decode(data)
        for position, choice in enumerate(event["choices"]):
            index = choice.get("index", position)
            end = _to_text(choice, "delta", self._offsets.get(index, 0))
            self._offsets[index] = end
        return msgspec.json.encode(event)


def _to_chat(choice: Any, name: str) -> int | None:
    """Give a choice a message or delta; where its first token begins, if it tells."""
    if not isinstance(choice, dict) or not isinstance(choice.get("text"), str):
        return None
    choice[name] = {"content": choice.pop("text")}
    given = choice.get("logprobs")
    if not isinstance(given, dict) or not isinstance(given.get("tokens"), list):
        return None
    tokens, numbers, others = (
        value if isinstance(value, list) else [] for value in map(given.get, _LISTS)
    )
    choice["logprobs"] = {
        "content": [
            {
                "token": token,
                "logprob": numbers[at] if at < len(numbers) else None,
                "top_logprobs": _alternatives(others[at] if at < len(others) else None),
            }
            for at, token in enumerate(tokens)
        ]
    }
    offsets = given.get("text_offset")
    first = offsets[0] if isinstance(offsets, list) and offsets else 0
    return first if type(first) is int else 0


def _to_text(choice: Any, name: str, offset: int | None) -> int:
    """The way back; where the token after the last one begins."""
    end = offset or 0
    if not isinstance(choice, dict) or name not in choice:
        return end
    choice["text"] = choice.pop(name).get("content") or ""
    given = choice.get("logprobs")
    if not isinstance(given, dict):
        choice["logprobs"] = None
        return end
    entries = given.get("content") or []
    offsets = []
    for entry in entries:
        offsets.append(end)
        end += len(str(entry["token"]))
    choice["logprobs"] = {
        "tokens": [entry["token"] for entry in entries],
        "token_logprobs": [entry["logprob"] for entry in entries],
        "top_logprobs": [
            {item["token"]: item["logprob"] for item in entry.get("top_logprobs") or ()}
            for entry in entries
        ],
        "text_offset": offsets,
    }
    return end


def _alternatives(others: Any) -> list[dict[str, Any]]:
    if not isinstance(others, dict):
        return []
    return [{"token": token, "logprob": number} for token, number in others.items()]
