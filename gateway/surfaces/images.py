"""``/v1/images/generations``, ``/edits`` and ``/variations``: prompts masked, pictures passed."""

from typing import Any

import msgspec

from gateway.errors import InvalidRequest, UpstreamInvalidReply
from gateway.exchange import Exchange
from gateway.pipeline.answer import decode_answer
from gateway.pipeline.answer_judge import Judge
from gateway.pipeline.answer_text import OutputGuard
from gateway.settings import LimitSettings
from gateway.surfaces.base import AnswerEvents, Encoder
from gateway.surfaces.chat import EventEncoder
from gateway.surfaces.checks import check_model, check_stream, decode_object
from gateway.surfaces.media import (
    FormSurface,
    MediaSurface,
    inspected,
    keep_usage,
    listed,
    number_of,
)

# What the largest picture of OpenAI's costs at the highest quality is 6,240.
_TOKENS_PER_IMAGE = 8192
_REVISED = "revised_prompt"


class ImagesSurface(MediaSurface):
    """Pictures from a prompt."""

    name = "images.generations"
    endpoint = "/images/generations"
    returns = "images"

    def read(self, raw: bytes, limits: LimitSettings) -> dict[str, Any]:
        body = decode_object(raw)
        check_model(body)
        check_stream(body)
        if not isinstance(body.get("prompt"), str) or not body["prompt"]:
            raise InvalidRequest("`prompt` must be a text.", param="prompt")
        return body

    def output_tokens(self, body: dict[str, Any], limits: LimitSettings) -> int:
        return number_of(body, "n") * _TOKENS_PER_IMAGE

    def inspect(
        self, exchange: Exchange, raw: bytes, judge: Judge | None, guard: OutputGuard
    ) -> bytes:
        return inspect_images(exchange, raw, judge, guard)

    def stream(self, exchange: Exchange, judge: Judge | None, guard: OutputGuard) -> AnswerEvents:
        return ImageStream(exchange, judge, guard)

    def encoder(self, exchange: Exchange) -> Encoder:
        return EventEncoder()


class ImageFormSurface(FormSurface):
    """Pictures from pictures.

    Args:
        action: ``edits`` or ``variations``.
    """

    returns = "images"
    kinds = {"image": "images", "mask": "images"}  # noqa: RUF012 - never changed

    def __init__(self, action: str) -> None:
        self.name = f"images.{action}"
        self.endpoint = f"/images/{action}"

    def output_tokens(self, body: dict[str, Any], limits: LimitSettings) -> int:
        return number_of(body, "n") * _TOKENS_PER_IMAGE

    def inspect(
        self, exchange: Exchange, raw: bytes, judge: Judge | None, guard: OutputGuard
    ) -> bytes:
        return inspect_images(exchange, raw, judge, guard)

    def stream(self, exchange: Exchange, judge: Judge | None, guard: OutputGuard) -> AnswerEvents:
        return ImageStream(exchange, judge, guard)

    def encoder(self, exchange: Exchange) -> Encoder:
        return EventEncoder()


def inspect_images(
    exchange: Exchange, raw: bytes, judge: Judge | None, guard: OutputGuard
) -> bytes:
    """The answer with values restored in what the upstream made of the prompt."""
    answer = decode_answer(raw)
    if not isinstance(answer.get("data"), list):
        raise UpstreamInvalidReply("The upstream's answer holds no pictures; try again.")
    keep_usage(exchange, answer.get("usage"))
    changed = False
    for picture in listed(answer, "data"):
        changed |= _inspect(exchange, picture, judge, guard)
    return msgspec.json.encode(answer) if changed else raw


class ImageStream:
    """Pictures as they become clearer."""

    blocked = False

    def __init__(self, exchange: Exchange, judge: Judge | None, guard: OutputGuard) -> None:
        self._exchange = exchange
        self._judge = judge
        self._guard = guard

    def feed(self, data: bytes) -> list[bytes]:
        event = decode_answer(data)
        keep_usage(self._exchange, event.get("usage"))
        if str(event.get("type", "")).endswith(".completed"):
            self._exchange.finish_reason = "stop"
        changed = _inspect(self._exchange, event, self._judge, self._guard)
        return [msgspec.json.encode(event) if changed else data]

    def finish(self) -> list[bytes]:
        return []


def _inspect(
    exchange: Exchange, holder: dict[str, Any], judge: Judge | None, guard: OutputGuard
) -> bool:
    source = holder.get(_REVISED)
    if not isinstance(source, str):
        return False
    holder[_REVISED] = shown = inspected(exchange, source, judge, guard)
    return shown != source
