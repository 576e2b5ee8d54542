"""``/v1/embeddings``: texts in, vectors out. Vectors hold no text, so they pass byte for byte."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from billing import Usage
from gateway.errors import InvalidRequest, UpstreamError, UpstreamInvalidReply
from gateway.exchange import Exchange
from gateway.pipeline.answer_judge import Judge
from gateway.pipeline.answer_text import OutputGuard
from gateway.settings import LimitSettings, PolicySettings
from gateway.surfaces.base import AnswerEvents, Encoder, Surface
from gateway.surfaces.checks import check_model, decode_object, integer, refuse_stream
from gateway.surfaces.inputs import check_texts, refuse_unreadable
from guardrails.types import MaskMode

_MOST_TEXTS = 2048  # OpenAI's own limit


class _Answer(msgspec.Struct):
    """What is read of an answer; its vectors are skipped, not decoded."""

    data: msgspec.Raw = msgspec.Raw(b"null")
    usage: dict[str, Any] | None = None
    error: Any = None


class EmbeddingsSurface(Surface):
    """Embeddings; counted and priced in a class of their own."""

    name = "embeddings"
    endpoint = "/embeddings"
    takes_tiers = False

    def read(self, raw: bytes, limits: LimitSettings) -> dict[str, Any]:
        body = decode_object(raw)
        check_model(body)
        check_texts(body, "input", _MOST_TEXTS)
        refuse_stream(body)
        if body.get("encoding_format") not in (None, "float", "base64"):
            raise InvalidRequest(
                "`encoding_format` must be 'float' or 'base64'.", param="encoding_format"
            )
        integer(body, "dimensions", 1)
        return body

    async def expand(self, exchange: Exchange) -> None:
        refuse_unreadable(exchange, "input")

    def output_tokens(self, body: dict[str, Any], limits: LimitSettings) -> int:
        return 0

    def mask_modes(self, policy: PolicySettings) -> Mapping[str, MaskMode]:
        return EmbeddingModes(policy.pii.modes, policy.pii.embedding_mode)

    def usage(self, counts: Mapping[str, Any], worker_seconds: Decimal) -> Usage:
        return Usage.from_openai_embedding(counts, worker_seconds=worker_seconds)

    def estimate(self, input_tokens: int, output_tokens: int) -> Usage:
        return Usage(embedding_tokens=input_tokens, estimated=True)

    def inspect(
        self, exchange: Exchange, raw: bytes, judge: Judge | None, guard: OutputGuard
    ) -> bytes:
        try:
            answer = msgspec.json.decode(raw, type=_Answer)
        except (ValueError, RecursionError):
            raise UpstreamInvalidReply(
                "The upstream's answer is no embedding; try again."
            ) from None
        if answer.error is not None:
            raise UpstreamError(
                "The upstream reported an error within its answer; try again.", usage=answer.usage
            )
        if not bytes(answer.data).startswith(b"["):
            raise UpstreamInvalidReply("The upstream's answer is no embedding; try again.")
        exchange.upstream_usage(answer.usage)
        return raw

    def stream(self, exchange: Exchange, judge: Judge | None, guard: OutputGuard) -> AnswerEvents:
        raise NotImplementedError("embeddings do not stream")

    def encoder(self, exchange: Exchange) -> Encoder:
        raise NotImplementedError("embeddings do not stream")


class EmbeddingModes(Mapping[str, MaskMode]):
    """One mode for every type but those that the policy blocks."""

    def __init__(self, modes: Mapping[str, MaskMode], mode: MaskMode) -> None:
        self._modes = modes
        self._mode = mode

    def __getitem__(self, entity_type: str) -> MaskMode:
        own = self._modes.get(entity_type)
        return MaskMode.BLOCK if own is MaskMode.BLOCK else self._mode

    def __iter__(self) -> Any:
        return iter(self._modes)

    def __len__(self) -> int:
        return len(self._modes)

    def __bool__(self) -> bool:
        return True
