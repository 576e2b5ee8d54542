"""The capture upstream's other endpoints: completions, embeddings, audio, images.

Each keeps what it got in ``seen`` as the chat endpoint does; forms as ``{fields, files}``. They
answer what the script's ``content`` says, where ``{echo}`` is the text of the request.
"""

import base64
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from support.capture_upstream import Capture, Script

Handler = Callable[[Request], Awaitable[Response]]
VECTOR = [0.5, -0.5, 0.25, 0.125]
SOUND = bytes(range(256)) * 64
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(200))


class _Scripted(Exception):
    """The script says how to answer, whatever was asked."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Surfaces:
    """Endpoints beside chat of one capture upstream."""

    def __init__(self, capture: "Capture", pieces: Callable[..., list[str]]) -> None:
        self._capture = capture
        self._pieces = pieces

    def routes(self) -> list[Route]:
        paths = {
            "completions": self.complete,
            "embeddings": self.embed,
            "audio/speech": self.speak,
            "audio/transcriptions": self.transcribe,
            "audio/translations": self.transcribe,
            "images/generations": self.draw,
            "images/edits": self.draw,
            "images/variations": self.draw,
        }
        return [
            Route(f"/v1/{path}", self._scripted(handler), methods=["POST"])
            for path, handler in paths.items()
        ]

    def _scripted(self, handler: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except _Scripted as scripted:
                return scripted.response

        return answer

    async def complete(self, request: Request) -> Response:
        body, script = await self._json(request)
        prompts = body["prompt"]
        if not isinstance(prompts, list) or isinstance(prompts[0], int):
            prompts = [prompts]
        texts = [self._said(script, str(prompt)) for prompt in prompts]
        if body.get("stream"):
            return StreamingResponse(
                self._stream(script, body, texts), media_type="text/event-stream"
            )
        choices = [_text_choice(at, text, body, "stop") for at, text in enumerate(texts)]
        return JSONResponse(
            {**_envelope("text_completion", body), "choices": choices, "usage": script.usage}
        )

    async def embed(self, request: Request) -> Response:
        body, _ = await self._json(request)
        value = body["input"]
        texts = value if isinstance(value, list) and not isinstance(value[0], int) else [value]
        vector: Any = VECTOR
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{len(VECTOR)}f", *VECTOR)).decode()
        data = [
            {"object": "embedding", "index": at, "embedding": vector} for at in range(len(texts))
        ]
        usage = {"prompt_tokens": 5, "total_tokens": 5}
        return JSONResponse(
            {"object": "list", "data": data, "model": body["model"], "usage": usage}
        )

    async def speak(self, request: Request) -> Response:
        body, _ = await self._json(request)
        kind = "audio/wav" if body.get("response_format") == "wav" else "audio/mpeg"

        async def sound() -> AsyncIterator[bytes]:
            for at in range(0, len(SOUND), 4096):
                yield SOUND[at : at + 4096]

        return StreamingResponse(sound(), media_type=kind)

    async def transcribe(self, request: Request) -> Response:
        body, script = await self._form(request)
        text = self._said(script, body["fields"].get("prompt", ""))
        form = body["fields"].get("response_format", "json")
        if body["fields"].get("stream") == "true":
            return StreamingResponse(self._transcript(script, text), media_type="text/event-stream")
        if form in {"text", "srt", "vtt"}:
            return PlainTextResponse(text + "\n")
        answer: dict[str, Any] = {"text": text}
        if form == "verbose_json":
            answer |= {"language": "english", "duration": 7.5, "task": "transcribe"}
            answer["segments"] = [{"id": 0, "start": 0.0, "end": 7.5, "text": text}]
            answer["words"] = [{"word": word, "start": 0.0, "end": 1.0} for word in text.split()]
        else:
            answer["usage"] = {"type": "tokens", "input_tokens": 14, "output_tokens": 9,
                               "total_tokens": 23}  # fmt: skip
        return JSONResponse(answer)

    async def draw(self, request: Request) -> Response:
        form = request.headers["content-type"].startswith("multipart/")
        body, script = await (self._form(request) if form else self._json(request))
        prompt = (body["fields"] if form else body).get("prompt", "")
        picture = {
            "b64_json": base64.b64encode(PICTURE).decode(),
            "revised_prompt": self._said(script, prompt),
        }
        usage = {"input_tokens": 12, "output_tokens": 1056, "total_tokens": 1068}
        if not form and body.get("stream"):
            return StreamingResponse(self._drawing(usage), media_type="text/event-stream")
        return JSONResponse({"created": 1, "data": [picture], "usage": usage})

    async def _json(self, request: Request) -> tuple[dict[str, Any], "Script"]:
        return self._keep(request, msgspec.json.decode(await request.body()))

    async def _form(self, request: Request) -> tuple[dict[str, Any], "Script"]:
        form = await request.form()
        fields: dict[str, Any] = {}
        files: list[dict[str, Any]] = []
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                content = (await value.read()).decode("latin-1")
                files.append({"name": name, "filename": value.filename, "content": content,
                              "type": value.content_type})  # fmt: skip
            else:
                fields[name] = value
        return self._keep(request, {"model": fields.get("model"), "fields": fields, "files": files})

    def _keep(self, request: Request, body: dict[str, Any]) -> tuple[dict[str, Any], "Script"]:
        self._capture.keep(request, body)
        script = self._capture.by_model.get(body["model"], self._capture.script)
        if script.status != 200 or script.body is not None:
            text = '{"error":{"message":"scripted"}}' if script.body is None else script.body
            raise _Scripted(Response(text, script.status, media_type="application/json"))
        return body, script

    def _said(self, script: "Script", echo: str) -> str:
        return script.content.replace("{echo}", echo)

    async def _stream(
        self, script: "Script", body: dict[str, Any], texts: list[str]
    ) -> AsyncIterator[bytes]:
        envelope = _envelope("text_completion", body)
        for at, text in enumerate(texts):
            for piece in self._pieces(text, script.cuts):
                yield _event({**envelope, "choices": [_text_choice(at, piece, body, None)]})
            yield _event({**envelope, "choices": [_text_choice(at, "", body, "stop")]})
        if script.usage is not None and (body.get("stream_options") or {}).get("include_usage"):
            yield _event({**envelope, "choices": [], "usage": script.usage})
        yield b"data: [DONE]\n\n"

    async def _transcript(self, script: "Script", text: str) -> AsyncIterator[bytes]:
        for piece in self._pieces(text, script.cuts):
            yield _event({"type": "transcript.text.delta", "delta": piece})
        usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 9, "total_tokens": 23}
        yield _event({"type": "transcript.text.done", "text": text, "usage": usage})

    async def _drawing(self, usage: dict[str, Any]) -> AsyncIterator[bytes]:
        picture = base64.b64encode(PICTURE).decode()
        partial = {"type": "image_generation.partial_image", "b64_json": picture}
        yield _event({**partial, "partial_image_index": 0})
        done = {"type": "image_generation.completed", "b64_json": picture, "usage": usage}
        yield _event(done)


def _event(event: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(event) + b"\n\n"


def _envelope(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"id": "cmpl-1", "object": kind, "created": 1, "model": body["model"]}


def _text_choice(index: int, text: str, body: dict[str, Any], finish: str | None) -> dict[str, Any]:
    logprobs = None
    if body.get("logprobs") is not None and text:
        tokens = [text[at : at + 2] for at in range(0, len(text), 2)]
        logprobs = {
            "tokens": tokens,
            "token_logprobs": [-0.5] * len(tokens),
            "top_logprobs": [{token: -0.5, "zz": -2.0} for token in tokens],
            "text_offset": [at * 2 for at in range(len(tokens))],
        }
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish}
