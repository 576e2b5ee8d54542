"""``/v1/audio/transcriptions`` and ``/translations``: sound in, text out.

The text is judged and looked at like any answer. Where something in it is replaced, the lists
that say when each word was spoken are left out: they would spell the text once more.
"""

from typing import Any

import msgspec

from gateway.errors import ContentBlocked, UpstreamInvalidReply
from gateway.exchange import Exchange
from gateway.pipeline.answer import decode_answer
from gateway.pipeline.answer_fields import Kind
from gateway.pipeline.answer_judge import Judge, Judged
from gateway.pipeline.answer_text import OutputGuard, joined
from gateway.settings import LimitSettings
from gateway.surfaces.base import AnswerEvents, Encoder
from gateway.surfaces.chat import EventEncoder
from gateway.surfaces.media import FormSurface, inspected, keep_usage, listed

_PLAIN = frozenset({"text", "srt", "vtt"})
_SPELT = ("words", "logprobs", "segments")


class TranscriptionsSurface(FormSurface):
    """
    Args:
        action: ``transcriptions`` or ``translations``.
    """

    kinds = {"file": "audio"}  # noqa: RUF012 - never changed

    def __init__(self, action: str) -> None:
        self.name = f"audio.{action}"
        self.endpoint = f"/audio/{action}"

    def output_tokens(self, body: dict[str, Any], limits: LimitSettings) -> int:
        return limits.max_output_tokens

    def answer_type(self, exchange: Exchange) -> bytes:
        is_plain = exchange.body.get("response_format") in _PLAIN
        return b"text/plain; charset=utf-8" if is_plain else b"application/json"

    def inspect(
        self, exchange: Exchange, raw: bytes, judge: Judge | None, guard: OutputGuard
    ) -> bytes:
        if exchange.body.get("response_format") in _PLAIN:
            text = _text(raw)
            _capture(exchange, text)
            return inspected(exchange, text, judge, guard).encode()
        answer = decode_answer(raw)
        source = answer.get("text")
        if not isinstance(source, str):
            raise UpstreamInvalidReply("The upstream's answer holds no text; try again.")
        if isinstance(answer.get("duration"), int | float):
            keep_usage(exchange, {"seconds": answer["duration"]})
        keep_usage(exchange, answer.get("usage"))
        _capture(exchange, source)
        answer["text"] = text = inspected(exchange, source, judge, guard)
        pieces = [guard.whole(str(item.get("text", ""))) for item in listed(answer, "segments")]
        given = [str(item.get("text", "")) for item in listed(answer, "segments")]
        if guard.blocked:
            raise ContentBlocked("The answer holds personal data and was withheld.")
        if text == source and pieces == given:
            return raw
        for name in _SPELT:
            answer.pop(name, None)
        return msgspec.json.encode(answer)

    def stream(self, exchange: Exchange, judge: Judge | None, guard: OutputGuard) -> AnswerEvents:
        return TranscriptStream(exchange, judge, guard)

    def encoder(self, exchange: Exchange) -> Encoder:
        return EventEncoder()


class TranscriptStream:
    """``transcript.text.*`` events; the text goes out as far as it is decided."""

    blocked = False

    def __init__(self, exchange: Exchange, judge: Judge | None, guard: OutputGuard) -> None:
        self._exchange = exchange
        self._judge = None if judge is None else Judged(judge)
        self._guard = guard
        self._field = guard.field(Kind.TEXT)
        self._shown: list[str] = []

    def feed(self, data: bytes) -> list[bytes]:
        event = decode_answer(data)
        kind = event.get("type")
        if kind == "transcript.text.delta":
            return self._delta(event, data)
        if kind == "transcript.text.done":
            return self._done(event, data)
        if kind == "transcript.text.segment" and isinstance(event.get("text"), str):
            source = event["text"]
            event["text"] = self._guard.whole(source)
            self._refuse_blocked()
            return [data if event["text"] == source else msgspec.json.encode(event)]
        # Of a kind that nobody here knows: what it says was not looked at.
        return []

    def finish(self) -> list[bytes]:
        rest = joined(self._field.flush())
        self._refuse_blocked()
        return [_delta_event(rest)] if rest else []

    def _delta(self, event: dict[str, Any], data: bytes) -> list[bytes]:
        source = event.get("delta")
        source = source if isinstance(source, str) else ""
        self._exchange.output_chars += len(source)
        self._exchange.output_texts.append(source)
        if self._judge is not None:
            self._judge.add(source, final=False)
        text = joined(self._field.feed(source))
        self._refuse_blocked()
        self._shown.append(text)
        if text == source:
            return [data]
        return [_delta_event(text)] if text else []

    def _done(self, event: dict[str, Any], data: bytes) -> list[bytes]:
        keep_usage(self._exchange, event.get("usage"))
        if self._judge is not None:
            self._judge.add("", final=True)
        rest = joined(self._field.flush())
        self._refuse_blocked()
        self._exchange.finish_reason = "stop"
        _capture(self._exchange, "".join(self._exchange.output_texts))
        out = [_delta_event(rest)] if rest else []
        if not self._guard.changes_text:
            return [*out, data]
        event.pop("logprobs", None)
        event["text"] = "".join([*self._shown, rest])
        return [*out, msgspec.json.encode(event)]

    def _refuse_blocked(self) -> None:
        if self._guard.blocked:
            raise ContentBlocked("The answer holds personal data and was withheld.")


def _delta_event(text: str) -> bytes:
    return msgspec.json.encode({"type": "transcript.text.delta", "delta": text})


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise UpstreamInvalidReply("The upstream's answer is no UTF-8 text; try again.") from None


def _capture(exchange: Exchange, text: str) -> None:
    if exchange.capture is not None:
        exchange.capture.take([{"index": 0, "message": {"content": text}}])
