"""``/v1/completions``: prompts instead of messages.

An answer's ``choices[].text`` is inspected as a chat answer's content is, so that both are
judged, restored and redacted by the same code (``completions_answer``).
"""

from typing import Any

from gateway.errors import InvalidRequest
from gateway.exchange import Exchange
from gateway.pipeline.answer_judge import Judge
from gateway.pipeline.answer_text import OutputGuard
from gateway.settings import LimitSettings
from gateway.surfaces.base import AnswerEvents, Encoder, Surface
from gateway.surfaces.chat import EventEncoder
from gateway.surfaces.checks import check_model, check_stream, decode_object, integer
from gateway.surfaces.completions_answer import CompletionStream, inspect_completion
from gateway.surfaces.inputs import check_texts, count_texts, refuse_unreadable

_DEFAULT_TOKENS = 16  # what the API promises where the client sets no limit


class CompletionsSurface(Surface):
    """Text completions, plain and streamed."""

    name = "completions"
    endpoint = "/completions"

    def read(self, raw: bytes, limits: LimitSettings) -> dict[str, Any]:
        body = decode_object(raw)
        check_model(body)
        check_texts(body, "prompt", limits.max_messages)
        if not isinstance(body.get("suffix"), str | None):
            raise InvalidRequest("`suffix` must be a text.", param="suffix")
        if not isinstance(body.get("echo"), bool | None):
            raise InvalidRequest("`echo` must be true or false.", param="echo")
        check_stream(body)
        return body

    async def expand(self, exchange: Exchange) -> None:
        refuse_unreadable(exchange, "prompt")

    def output_tokens(self, body: dict[str, Any], limits: LimitSettings) -> int:
        each = integer(body, "max_tokens", 0)
        if each is None:
            each = body["max_tokens"] = min(_DEFAULT_TOKENS, limits.max_output_tokens)
        answers = max(integer(body, name, 1) or 1 for name in ("n", "best_of"))
        return each * answers * count_texts(body["prompt"])

    def inspect(
        self, exchange: Exchange, raw: bytes, judge: Judge | None, guard: OutputGuard
    ) -> bytes:
        return inspect_completion(exchange, raw, judge, guard)

    def stream(self, exchange: Exchange, judge: Judge | None, guard: OutputGuard) -> AnswerEvents:
        return CompletionStream(exchange, judge, guard)

    def encoder(self, exchange: Exchange) -> Encoder:
        return EventEncoder()
