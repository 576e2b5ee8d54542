"""``/v1/audio/speech``: a text is masked like any other, the sound goes on as it comes."""

from typing import Any

from gateway.errors import InvalidRequest
from gateway.exchange import Exchange
from gateway.pipeline.answer_judge import Judge
from gateway.pipeline.answer_text import OutputGuard
from gateway.settings import LimitSettings
from gateway.surfaces.base import AnswerEvents, Encoder
from gateway.surfaces.checks import check_model, decode_object, refuse_stream
from gateway.surfaces.media import MediaSurface, SilentEncoder


class SpeechSurface(MediaSurface):
    name = "audio.speech"
    endpoint = "/audio/speech"
    binary = True
    returns = "audio"

    def read(self, raw: bytes, limits: LimitSettings) -> dict[str, Any]:
        body = decode_object(raw)
        check_model(body)
        if not isinstance(body.get("input"), str) or not body["input"]:
            raise InvalidRequest("`input` must be a text.", param="input")
        refuse_stream(body)  # `stream_format` is what chooses events
        return body

    def output_tokens(self, body: dict[str, Any], limits: LimitSettings) -> int:
        return limits.max_output_tokens

    def inspect(
        self, exchange: Exchange, raw: bytes, judge: Judge | None, guard: OutputGuard
    ) -> bytes:
        raise NotImplementedError("sound is passed on as it comes")

    def stream(self, exchange: Exchange, judge: Judge | None, guard: OutputGuard) -> AnswerEvents:
        raise NotImplementedError("sound is passed on as it comes")

    def encoder(self, exchange: Exchange) -> Encoder:
        return SilentEncoder()
