"""An upstream's chat answer on its way to the client: values restored, text moderated.

Two forms of the same thing: ``inspect_answer`` for a whole one, ``AnswerStream``
for events. What a client gets is the upstream's answer with every issued token
replaced and nothing else changed; an event without a token passes byte for byte.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from gateway.errors import ContentBlocked, UpstreamError, UpstreamInvalidReply
from gateway.exchange import Exchange
from guardrails.pii import MaskScope, StreamRestorer

# Fields of a message or delta that hold text of the model.
TEXT_FIELDS = ("content", "reasoning_content", "reasoning", "refusal")
CONTENT_FILTER = "content_filter"
# New characters after which a running answer is judged again, and how much of it is read.
JUDGE_EVERY = 16
JUDGE_WINDOW = 800

Judge = Callable[[str], None]  # raises ContentBlocked


def inspect_answer(exchange: Exchange, raw: bytes, judge: Judge | None) -> bytes:
    """A whole answer.

    Raises:
        UpstreamInvalidReply: it is no chat completion.
        UpstreamError: it is an error that came with status 200.
    """
    answer = _decode(raw)
    choices = answer.get("choices")
    if not isinstance(choices, list):
        raise UpstreamInvalidReply("The upstream's answer holds no choices; try again.")
    exchange.upstream_usage(answer.get("usage"))
    changed = False
    for choice in choices:
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(message, dict):
            continue
        exchange.output_chars += _length(message)
        exchange.finish_reason = choice.get("finish_reason") or exchange.finish_reason
        try:
            if judge is not None:
                _judge_whole(message, judge)
        except ContentBlocked:
            _withhold(choice, message)
            exchange.finish_reason = CONTENT_FILTER
            changed = True
            continue
        changed |= _restore_message(message, exchange.restoring_scope, exchange.json_answer)
    return msgspec.json.encode(answer) if changed else raw


class AnswerStream:
    """Feed it the upstream's events; it returns those for the client.

    Args:
        judge_for: makes the judge of one choice; ``None`` where output is not moderated.
    """

    def __init__(self, exchange: Exchange, judge: Judge | None) -> None:
        self._exchange = exchange
        self._scope = exchange.restoring_scope
        self._judge = judge
        self._restorers: dict[tuple[int, str, int], StreamRestorer] = {}
        self._judged: dict[int, _Judged] = {}
        self._template: dict[str, Any] = {}
        self.blocked = False

    def feed(self, data: bytes) -> list[bytes]:
        """Events for the client after one of the upstream's.

        Raises:
            UpstreamError: the event is an error or no JSON.
        """
        event = _decode(data)
        choices = event.get("choices")
        if not isinstance(choices, list):
            raise UpstreamInvalidReply("The upstream sent an event without choices; try again.")
        self._exchange.upstream_usage(event.get("usage"))
        if not choices:
            # The event that only carries usage; the client gets it if it asked for it.
            wanted = self._exchange.client_wants_usage or not event.get("usage")
            return [data] if wanted else []
        if not self._template:
            self._template = {key: event[key] for key in event if key not in {"choices", "usage"}}
        try:
            self._judge_event(choices)
        except ContentBlocked:
            self.blocked = True
            self._exchange.finish_reason = CONTENT_FILTER
            return [self._closing(choices)]
        changed = False
        for choice in choices:
            changed |= self._restore_choice(choice)
        return [msgspec.json.encode(event) if changed else data]

    def finish(self) -> list[bytes]:
        """What was still held back when the upstream's events ended without a finish reason."""
        choices = []
        for index in sorted({key[0] for key in self._restorers}):
            delta: dict[str, Any] = {}
            if self._flush_into(index, delta):
                choices.append({"index": index, "delta": delta, "finish_reason": None})
        return [msgspec.json.encode({**self._template, "choices": choices})] if choices else []

    def _judge_event(self, choices: list[Any]) -> None:
        for choice in choices:
            delta = choice.get("delta") if isinstance(choice, dict) else None
            if not isinstance(delta, dict):
                continue
            self._exchange.output_chars += _length(delta)
            finish = choice.get("finish_reason")
            self._exchange.finish_reason = finish or self._exchange.finish_reason
            if self._judge is not None:
                judged = self._judged.setdefault(choice.get("index", 0), _Judged(self._judge))
                judged.add("".join(_texts(delta)), final=finish is not None)

    def _restore_choice(self, choice: dict[str, Any]) -> bool:
        if self._scope is None or not isinstance(choice, dict):
            return False
        index = choice.get("index", 0)
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = {}
        changed = False
        for name in TEXT_FIELDS:
            if isinstance(delta.get(name), str):
                restored = self._restorer(index, name).feed(delta[name])
                changed |= restored != delta[name]
                delta[name] = restored
        for call in delta.get("tool_calls") or ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict) and isinstance(function.get("arguments"), str):
                restorer = self._restorer(index, "arguments", call.get("index", 0))
                restored = restorer.feed(function["arguments"])
                changed |= restored != function["arguments"]
                function["arguments"] = restored
        if choice.get("finish_reason") is not None:
            changed |= self._flush_into(index, delta)
            choice["delta"] = delta
        return changed

    def _flush_into(self, index: int, delta: dict[str, Any]) -> bool:
        """Append what the restorers of a choice still hold to ``delta``."""
        changed = False
        for choice, name, position in list(self._restorers):
            if choice != index:
                continue
            rest = self._restorers.pop((choice, name, position)).flush()
            if not rest:
                continue
            changed = True
            if name == "arguments":
                _append_arguments(delta, position, rest)
            else:
                delta[name] = (delta.get(name) or "") + rest
        return changed

    def _restorer(self, index: int, name: str, position: int = 0) -> StreamRestorer:
        assert self._scope is not None, "asked for only where tokens were issued"
        key = (index, name, position)
        if key not in self._restorers:
            escaped = name == "arguments" or (name == "content" and self._exchange.json_answer)
            self._restorers[key] = self._scope.restorer(json_escaped=escaped)
        return self._restorers[key]

    def _closing(self, choices: list[Any]) -> bytes:
        closed = [
            {"index": choice.get("index", 0), "delta": {}, "finish_reason": CONTENT_FILTER}
            for choice in choices
            if isinstance(choice, dict)
        ]
        return msgspec.json.encode({**self._template, "choices": closed})


class _Judged:
    """The text of one choice so far, judged before each piece of it is let out."""

    __slots__ = ("_judge", "_new", "_window")

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._window = ""
        self._new = 0

    def add(self, text: str, *, final: bool) -> None:
        self._window = self._window + text if self._window else text
        self._new += len(text)
        if self._new >= JUDGE_EVERY or (final and self._new):
            # A long event is read whole; only what was judged before is cut off.
            self._window = self._window[-max(JUDGE_WINDOW, self._new) :]
            self._judge(self._window)
            self._new = 0


def _decode(data: bytes) -> dict[str, Any]:
    try:
        event = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raise UpstreamInvalidReply("The upstream sent no valid JSON; try again.") from None
    if not isinstance(event, dict):
        raise UpstreamInvalidReply("The upstream sent no JSON object; try again.")
    if event.get("error") is not None and not event.get("choices"):
        raise UpstreamError("The upstream reported an error within its answer; try again.")
    return event


def _restore_message(message: dict[str, Any], scope: MaskScope | None, json_answer: bool) -> bool:
    if scope is None:
        return False
    changed = False
    for name in TEXT_FIELDS:
        if isinstance(message.get(name), str):
            escaped = json_answer and name == "content"
            restored = scope.restore(message[name], json_escaped=escaped)
            changed |= restored != message[name]
            message[name] = restored
    for function in _functions(message):
        restored = scope.restore(function["arguments"], json_escaped=True)
        changed |= restored != function["arguments"]
        function["arguments"] = restored
    return changed


def _judge_whole(message: dict[str, Any], judge: Judge) -> None:
    for text in _texts(message):
        judge(text)


def _withhold(choice: dict[str, Any], message: dict[str, Any]) -> None:
    for name in (*TEXT_FIELDS, "tool_calls", "function_call"):
        message.pop(name, None)
    message["content"] = ""
    choice.pop("logprobs", None)
    choice["finish_reason"] = CONTENT_FILTER


def _functions(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    calls = [
        call.get("function") for call in message.get("tool_calls") or () if isinstance(call, dict)
    ]
    for function in [*calls, message.get("function_call")]:
        if isinstance(function, dict) and isinstance(function.get("arguments"), str):
            yield function


def _texts(message: dict[str, Any]) -> Iterator[str]:
    for name in TEXT_FIELDS:
        text = message.get(name)
        if isinstance(text, str) and text:
            yield text
    for function in _functions(message):
        yield function["arguments"]


def _length(message: dict[str, Any]) -> int:
    return sum(map(len, _texts(message)))


def _append_arguments(delta: dict[str, Any], position: int, rest: str) -> None:
    calls = delta.setdefault("tool_calls", [])
    for call in calls:
        if call.get("index", 0) == position and isinstance(call.get("function"), dict):
            call["function"]["arguments"] = (call["function"].get("arguments") or "") + rest
            return
    calls.append({"index": position, "function": {"arguments": rest}})
