"""An embedding server: bags of words, hashed into 256 dimensions, as a process.

    python -m support.embedding_upstream PORT

Texts with the same words are equal, those that share most of them are near. ``GET /seen`` lists
what was asked.
"""

import hashlib
import sys
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

DIMENSIONS = 256


def embedding(text: str) -> list[float]:
    vector = [0.0] * DIMENSIONS
    for word in text.lower().split():
        digest = hashlib.blake2b(word.strip(".,?!").encode(), digest_size=2).digest()
        vector[int.from_bytes(digest) % DIMENSIONS] += 1.0
    return vector


def create_app() -> Starlette:
    seen: list[dict[str, Any]] = []

    async def embed(request: Request) -> Response:
        body = msgspec.json.decode(await request.body())
        seen.append({"headers": dict(request.headers), "body": body})
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        data = [
            {"object": "embedding", "index": at, "embedding": embedding(text)}
            for at, text in enumerate(texts)
        ]
        count = sum(len(text.split()) for text in texts)
        usage = {"prompt_tokens": count, "total_tokens": count}
        answer = {"object": "list", "data": data, "model": body["model"], "usage": usage}
        return JSONResponse(answer)

    async def models(request: Request) -> Response:
        del request
        return JSONResponse({"object": "list", "data": []})

    async def asked(request: Request) -> Response:
        del request
        return JSONResponse(seen)

    return Starlette(
        routes=[
            Route("/v1/embeddings", embed, methods=["POST"]),
            Route("/v1/models", models),
            Route("/seen", asked),
        ]
    )


if __name__ == "__main__":
    uvicorn.run(create_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
