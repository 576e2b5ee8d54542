"""An upstream's chat answer on its way to the client: values restored, text moderated.

Two forms of the same thing: ``inspect_answer`` for a whole one, ``AnswerStream``
for events. What a client gets is the upstream's answer with every issued token
replaced, personal data that the model made up dealt with as the policy says, and
nothing else changed; an event without either passes byte for byte.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from gateway.errors import ContentBlocked, UpstreamError, UpstreamInvalidReply
from gateway.exchange import Exchange
from gateway.pipeline.answer_fields import Kind, Path, TextField, put_text, text_fields
from gateway.pipeline.answer_judge import Judge, Judged
from gateway.pipeline.answer_logprobs import Logprobs
from gateway.pipeline.answer_order import FieldOrder
from gateway.pipeline.answer_plain import plain_text
from gateway.pipeline.answer_text import FieldText, OutputGuard, joined

CONTENT_FILTER = "content_filter"
_USUAL = frozenset({"role", "content"})  # all that most messages have
_SPOKEN = frozenset({"content", "refusal"})  # what `logprobs` speaks of


def inspect_answer(
    exchange: Exchange, raw: bytes, judge: Judge | None, guard: OutputGuard | None = None
) -> bytes:
    """A whole answer.

    Raises:
        UpstreamInvalidReply: it is no chat completion.
        UpstreamError: it is an error that came with status 200.
        GuardUnavailable: nobody could look; nothing may go out.
    """
    answer = decode_answer(raw, exchange)
    choices = choices_of(answer)
    exchange.upstream_usage(answer.get("usage"))
    changed = inspect_choices(exchange, choices, judge, guard or OutputGuard(exchange))
    return msgspec.json.encode(answer) if changed else raw


def inspect_choices(
    exchange: Exchange, choices: list[Any], judge: Judge | None, guard: OutputGuard
) -> bool:
    """The choices of a whole answer, changed in place; whether anything was changed."""
    if exchange.capture is not None:
        exchange.capture.take(choices)
    changed = False
    for choice in choices:
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(message, dict):
            continue
        texts = list(_texts(message))
        exchange.output_chars += sum(map(len, texts))
        exchange.output_texts += texts
        exchange.finish_reason = choice.get("finish_reason") or exchange.finish_reason
        try:
            if judge is not None:
                for text in texts:
                    judge(text)
            changed |= _inspect_message(choice, message, guard)
        except ContentBlocked:
            _withhold(choice, message)
            exchange.finish_reason = CONTENT_FILTER
            changed = True
    return changed


class AnswerBlocked(Exception):
    """The answer ends here.

    Args:
        closing: the event that tells the client.
    """

    def __init__(self, closing: bytes) -> None:
        super().__init__()
        self.closing = closing


class AnswerStream:
    """Feed it the upstream's events; it returns those for the client.

    Args:
        judge: judges what was said; ``None`` where output is not moderated.
        guard: what is done to texts; ``None`` restores tokens only.
        sequential: what a field holds back goes out before the next one begins, for APIs
            whose blocks follow each other.
    """

    def __init__(
        self,
        exchange: Exchange,
        judge: Judge | None,
        guard: OutputGuard | None = None,
        *,
        sequential: bool = False,
    ) -> None:
        self._exchange = exchange
        self._sequential = sequential
        self._guard = guard or OutputGuard(exchange)
        self._judge = judge
        self._choices: dict[int, _Choice] = {}
        self._judged: dict[int, Judged] = {}
        self._template: dict[str, Any] = {}
        self.blocked = False

    def feed(self, data: bytes) -> list[bytes]:
        """Events for the client after one of the upstream's.

        Raises:
            UpstreamError: the event is an error or no JSON.
            GuardUnavailable: nobody could look; nothing more may go out.
        """
        try:
            if self.take(data):
                return [data]
        except AnswerBlocked as blocked:
            return [blocked.closing]
        event = decode_answer(data, self._exchange)
        choices = choices_of(event)
        self._exchange.upstream_usage(event.get("usage"))
        if self._exchange.capture is not None:
            self._exchange.capture.take(choices)
        if not choices:
            # The event that only carries usage; the client gets it if it asked for it.
            wanted = self._exchange.client_wants_usage or not event.get("usage")
            return [data] if wanted else []
        if not self._template:
            self._template = {key: event[key] for key in event if key not in {"choices", "usage"}}
        try:
            self._judge_event(choices)
        except ContentBlocked:
            return [self._closing(choices)]
        # Counts within the stream are for the bill; a client that did not ask gets none.
        changed = self._exchange.strip_usage and event.pop("usage", None) is not None
        for position, choice in enumerate(choices):
            if isinstance(choice, dict) and not self._guard.is_idle:
                changed |= self._choice(choice, position).inspect(choice)
        out = [msgspec.json.encode(event) if changed else data]
        if self._guard.blocked:
            for choice in choices:
                choice["finish_reason"] = None
            out = [msgspec.json.encode(event), self._closing(choices)]
        return out

    def take(self, data: bytes) -> bool:
        """Take in one of the upstream's events that goes out as it is; else take in nothing.

        Raises:
            AnswerBlocked: it was taken in, and nothing more may go out.
            GuardUnavailable: nobody could look; nothing more may go out.
        """
        if not self._template or self._exchange.capture is not None:
            return False
        plain = plain_text(data)
        if plain is None or not self._passes(*plain):
            return False
        index, _, text = plain
        exchange = self._exchange
        exchange.output_chars += len(text)
        exchange.output_texts.append(text)
        try:
            if self._judge is not None:
                self._judged_of(index, self._judge).add(text, final=False)
        except ContentBlocked:
            raise AnswerBlocked(self._closing([{"index": index}])) from None
        return True

    def finish(self) -> list[bytes]:
        """What was still held back when the upstream's events ended without a finish reason."""
        choices: list[dict[str, Any]] = []
        for index in sorted(self._choices):
            choice: dict[str, Any] = {"index": index, "delta": {}, "finish_reason": None}
            if self._choices[index].flush_into(choice):
                choices.append(choice)
        events = [msgspec.json.encode({**self._template, "choices": choices})] if choices else []
        if self._guard.blocked:
            events.append(self._closing(choices))
        return events

    def _choice(self, choice: dict[str, Any], position: int) -> "_Choice":
        index = choice.get("index", position)
        if index not in self._choices:
            self._choices[index] = _Choice(self._guard, sequential=self._sequential)
        return self._choices[index]

    def _judge_event(self, choices: list[Any]) -> None:
        for position, choice in enumerate(choices):
            delta = choice.get("delta") if isinstance(choice, dict) else None
            if not isinstance(delta, dict):
                continue
            finish = choice.get("finish_reason")
            self._said(choice.get("index", position), list(_texts(delta)), finish)

    def _said(self, index: int, texts: Sequence[str], finish: str | None) -> None:
        exchange = self._exchange
        exchange.output_chars += sum(map(len, texts))
        exchange.output_texts += texts
        exchange.finish_reason = finish or exchange.finish_reason
        if self._judge is not None:
            judged = self._judged_of(index, self._judge)
            judged.add("".join(texts), final=finish is not None)

    def _judged_of(self, index: int, judge: Judge) -> Judged:
        judged = self._judged.get(index)
        if judged is None:
            judged = self._judged[index] = Judged(judge)
        return judged

    def _passes(self, index: int, name: str, text: str) -> bool:
        """Whether a plain event needs nothing but to be judged; then its text is taken in."""
        if self._guard.is_idle:
            return True
        choice = self._choices.get(index)
        return choice is not None and choice.passes(name, text)

    def _closing(self, choices: list[Any]) -> bytes:
        self.blocked = True
        self._exchange.finish_reason = CONTENT_FILTER
        closed = [
            {"index": choice.get("index", 0), "delta": {}, "finish_reason": CONTENT_FILTER}
            for choice in choices
            if isinstance(choice, dict)
        ]
        return msgspec.json.encode({**self._template, "choices": closed})


class _Choice:
    """The fields of one choice and what they hold back."""

    def __init__(self, guard: OutputGuard, *, sequential: bool = False) -> None:
        self._guard = guard
        self._order = FieldOrder() if sequential else None
        self._fields: dict[Path, tuple[TextField, FieldText]] = {}
        self._logprobs: dict[str, Logprobs] = {}

    def inspect(self, choice: dict[str, Any]) -> bool:
        """Change the choice of one event in place; whether anything was changed."""
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = {}
        fields = list(text_fields(delta))
        said = [field.path for field in fields if field.container[field.key]]
        self._take_logprobs(choice, delta)
        changed = False
        for field in fields:
            source = field.container[field.key]
            if field.kind is Kind.WHOLE:
                text = self._guard.whole(source)
            else:
                text = self._feed(choice, field, source)
            changed |= text != source
            field.container[field.key] = text
        if choice.get("finish_reason") is not None:
            choice["delta"] = delta
            changed |= self.flush_into(choice)
        elif self._order is not None and self._order.ends_any(delta, said, self._fields):
            changed |= self.flush_into(choice, ended=self._order)
        return changed or bool(self._logprobs)

    def passes(self, name: str, text: str) -> bool:
        """Take in what a field says if it goes out as it is; else take in nothing."""
        known = self._fields.get((name,))
        if known is None or self._logprobs or not (self._order is None or self._order.is_at(name)):
            return False
        return known[1].passes(text)

    def flush_into(self, choice: dict[str, Any], ended: FieldOrder | None = None) -> bool:
        """Append what is still held to the choice's delta; with ``ended``, of those fields."""
        changed = False
        fields, self._fields = self._fields, {}
        for path, (field, text) in fields.items():
            if ended is not None and not ended.has_ended(path):
                self._fields[path] = (field, text)
                continue
            pieces = text.flush()
            rest = joined(pieces)
            changed |= self._give_logprobs(choice, path, pieces)
            if rest:
                put_text(choice["delta"], field, rest)
                changed = True
        return changed

    def _feed(self, choice: dict[str, Any], field: TextField, source: str) -> str:
        if field.path not in self._fields:
            self._fields[field.path] = (field, self._guard.field(field.kind))
        pieces = self._fields[field.path][1].feed(source)
        self._give_logprobs(choice, field.path, pieces)
        return joined(pieces)

    def _take_logprobs(self, choice: dict[str, Any], delta: dict[str, Any]) -> None:
        """Queue the event's entries; what may go out of them is put back bit by bit."""
        given = choice.get("logprobs")
        if not isinstance(given, dict) or not self._guard.changes_text:
            return
        for name in _SPOKEN:
            entries, text = given.get(name), delta.get(name)
            if isinstance(entries, list) and entries:
                queue = self._logprobs.setdefault(name, Logprobs())
                queue.add(entries, text if isinstance(text, str) else "")
                given[name] = []
            elif name in self._logprobs and isinstance(text, str) and text:
                self._logprobs[name].add([], text)

    def _give_logprobs(self, choice: dict[str, Any], path: Path, pieces: list[Any]) -> bool:
        queue = self._logprobs.get(str(path[0])) if len(path) == 1 else None
        if queue is None or queue.lost:
            return False
        ready = queue.release(pieces)
        if ready:
            given = choice.get("logprobs")
            if not isinstance(given, dict):
                given = choice["logprobs"] = {}
            given[str(path[0])] = [*(given.get(str(path[0])) or ()), *ready]
        return bool(ready)


def decode_answer(data: bytes, exchange: Exchange | None = None) -> dict[str, Any]:
    """An answer or an event of one.

    Args:
        exchange: keeps what an upstream that failed says it had done until then.

    Raises:
        UpstreamError: it is an error. UpstreamInvalidReply: it is no JSON object.
    """
    try:
        event = msgspec.json.decode(data)
    except (ValueError, RecursionError):  # bytes that are no UTF-8 are no DecodeError
        raise UpstreamInvalidReply("The upstream sent no valid JSON; try again.") from None
    if not isinstance(event, dict):
        raise UpstreamInvalidReply("The upstream sent no JSON object; try again.")
    if event.get("error") is not None and not event.get("choices"):
        usage = event.get("usage")
        if exchange is not None:
            exchange.upstream_usage(usage)
        raise UpstreamError(
            "The upstream reported an error within its answer; try again.", usage=usage
        )
    return event


def choices_of(answer: dict[str, Any]) -> list[Any]:
    """Raises: UpstreamInvalidReply: there are none."""
    choices = answer.get("choices")
    if not isinstance(choices, list):
        raise UpstreamInvalidReply("The upstream's answer holds no choices; try again.")
    return choices


def _inspect_message(choice: dict[str, Any], message: dict[str, Any], guard: OutputGuard) -> bool:
    if guard.is_idle:
        return False
    changed = False
    for field in list(text_fields(message)):
        source = field.container[field.key]
        text = guard.field(field.kind)
        pieces = [*text.feed(source), *text.flush()]
        if guard.blocked:
            raise ContentBlocked("The answer holds personal data and was withheld.")
        given = choice.get("logprobs")
        if len(field.path) == 1 and isinstance(given, dict) and guard.changes_text:
            changed |= _align(given, field.key, source, pieces)
        new = joined(pieces)
        changed |= new != source
        field.container[field.key] = new
    return changed


def _align(given: dict[str, Any], name: str, source: str, pieces: list[Any]) -> bool:
    entries = given.get(name)
    if name not in _SPOKEN or not isinstance(entries, list) or not entries:
        return False
    queue = Logprobs()
    queue.add(entries, source)
    given[name] = [] if queue.lost else queue.release(pieces)
    return given[name] != entries


def _withhold(choice: dict[str, Any], message: dict[str, Any]) -> None:
    for key in [key for key in message if key != "role"]:
        del message[key]
    message["content"] = ""
    choice.pop("logprobs", None)
    choice["finish_reason"] = CONTENT_FILTER


def _texts(message: dict[str, Any]) -> Iterator[str]:
    if message.keys() == _USUAL and isinstance(message["content"], str):
        if message["content"]:
            yield message["content"]
        return
    for field in text_fields(message):
        text = field.container[field.key]
        if text:
            yield text
