"""``/v1/embeddings``: the request, and the answer in OpenAI's shape."""

import base64
import math
import struct
from typing import Any

import msgspec

from inference.engine.accounting import seconds
from inference.engine.embedding import Embedding
from inference.errors import RequestInvalid
from inference.tokenizer import Tokenizer

_MOST_TEXTS = 2048


class EmbeddingRequest(msgspec.Struct, kw_only=True):
    model: str
    input: str | list[str | int | list[int]]
    encoding_format: str = "float"
    dimensions: int | None = None


def token_ids_of(request: EmbeddingRequest, tokenizer: Tokenizer, width: int) -> list[list[int]]:
    """The texts' tokens; raises RequestInvalid."""
    if request.encoding_format not in ("float", "base64"):
        raise RequestInvalid("encoding_format is float or base64.", param="encoding_format")
    if request.dimensions is not None and not 1 <= request.dimensions <= width:
        raise RequestInvalid(f"dimensions must lie between 1 and {width}.", param="dimensions")
    given = request.input
    if isinstance(given, str):
        return [tokenizer.encode(given)]
    if not given or len(given) > _MOST_TEXTS:
        raise RequestInvalid(f"Send between 1 and {_MOST_TEXTS} texts.", param="input")
    numbers = [item for item in given if isinstance(item, int)]
    if numbers:
        if len(numbers) != len(given):
            raise RequestInvalid("input mixes texts and token ids.", param="input")
        return [numbers]
    return [
        tokenizer.encode(item) if isinstance(item, str) else item
        for item in given
        if not isinstance(item, int)
    ]


def embeddings_answer(
    request: EmbeddingRequest, found: list[Embedding], tokens: int
) -> dict[str, Any]:
    """Vectors in the order of the texts."""
    data = [
        {"object": "embedding", "index": index, "embedding": _encoded(request, item.vector)}
        for index, item in enumerate(found)
    ]
    spent = seconds(sum(item.work_ns for item in found))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens, "worker_seconds": spent}
    return {"object": "list", "data": data, "model": request.model, "usage": usage}


def _encoded(request: EmbeddingRequest, vector: list[float]) -> list[float] | str:
    if request.dimensions is not None:
        vector = vector[: request.dimensions]
        length = math.sqrt(sum(number * number for number in vector)) or 1.0
        vector = [number / length for number in vector]
    if request.encoding_format == "float":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
