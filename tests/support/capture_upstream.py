"""An OpenAI-compatible upstream that keeps what it was sent, as a process of its own.

    python -m support.capture_upstream PORT [ids]

``GET /captured`` gives the bodies and headers seen, ``GET /ids`` the request ids alone,
``POST /script`` sets how the next answers look (see ``Script``), ``POST /script?model=NAME``
those of one model, ``POST /release`` ends the present delays, ``POST /reset`` forgets all.
With ``ids`` it keeps no bodies, so that long runs do not fill its memory.
"""

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from support.capture_surfaces import Surfaces


class Script(msgspec.Struct):
    """How to answer. ``{echo}`` in a text becomes the last user message as it arrived.

    ``cuts`` are positions where streamed text is cut (none: 3 characters a piece);
    ``break_after`` breaks the connection after so many events; ``usage`` null sends none.
    """

    content: str = "You said: {echo}"
    reasoning: str | None = None
    reasoning_name: str = "reasoning_content"
    tool_arguments: str | None = None
    cuts: list[int] | None = None
    status: int = 200
    body: str | None = None
    delay_s: float = 0.0
    event_delay_s: float = 0.0
    break_after: int | None = None
    usage: dict[str, Any] | None = msgspec.field(
        default_factory=lambda: {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    )


class Capture:
    """The state of the process."""

    def __init__(self, *, keep_bodies: bool = True) -> None:
        self.script = Script()
        self.by_model: dict[str, Script] = {}
        self.seen: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.aborted = 0
        self.releases = 0
        self._keep_bodies = keep_bodies

    async def chat(self, request: Request) -> Response:
        body = msgspec.json.decode(await request.body())
        self.keep(request, body)
        script = self.by_model.get(body["model"], self.script)
        if script.delay_s and await self._hung_up(request, script.delay_s):
            self.aborted += 1
            return Response(status_code=499)
        if script.status != 200 or script.body is not None:
            text = script.body if script.body is not None else '{"error":{"message":"scripted"}}'
            text = text.replace("{echo}", msgspec.json.encode(_last_user_text(body)).decode()[1:-1])
            return Response(text, script.status, media_type="application/json")
        if body.get("stream"):
            return StreamingResponse(self._stream(script, body), media_type="text/event-stream")
        return JSONResponse(self._answer(script, body))

    def keep(self, request: Request, body: Any) -> None:
        """Remember a request."""
        self.ids.append(request.headers.get("x-request-id", ""))
        if self._keep_bodies:
            self.seen.append({"headers": dict(request.headers), "body": body})

    async def _hung_up(self, request: Request, delay_s: float) -> bool:
        """Wait, or until a release; true as soon as the caller goes away."""
        end, releases = asyncio.get_running_loop().time() + delay_s, self.releases
        while asyncio.get_running_loop().time() < end and self.releases == releases:
            if await request.is_disconnected():
                return True
            await asyncio.sleep(0.02)
        return False

    async def captured(self, request: Request) -> Response:
        return JSONResponse({"seen": self.seen, "aborted": self.aborted})

    async def requests(self, request: Request) -> Response:
        return JSONResponse(self.ids)

    async def configure(self, request: Request) -> Response:
        script = msgspec.json.decode(await request.body(), type=Script)
        model = request.query_params.get("model")
        if model is None:
            self.script = script
        else:
            self.by_model[model] = script
        return JSONResponse({})

    async def release(self, request: Request) -> Response:
        self.releases += 1
        return JSONResponse({})

    async def reset(self, request: Request) -> Response:
        self.script, self.by_model = Script(), {}
        self.seen, self.ids, self.aborted = [], [], 0
        return JSONResponse({})

    async def models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "any-model", "object": "model"}]})

    def _message(self, script: Script, body: dict[str, Any]) -> dict[str, Any]:
        echo = _last_user_text(body)
        message: dict[str, Any] = {
            "role": "assistant",
            "content": script.content.replace("{echo}", echo),
        }
        if script.reasoning is not None:
            message[script.reasoning_name] = script.reasoning.replace("{echo}", echo)
        if script.tool_arguments is not None:
            text = msgspec.json.encode(echo).decode()[1:-1]
            arguments = script.tool_arguments.replace("{echo}", text)
            call = {"name": "send", "arguments": arguments}
            message["tool_calls"] = [{"id": "call_1", "type": "function", "function": call}]
        return message

    def _answer(self, script: Script, body: dict[str, Any]) -> dict[str, Any]:
        choice = {"index": 0, "message": self._message(script, body), "finish_reason": "stop"}
        answer = {**_envelope("chat.completion", body), "choices": [choice]}
        return answer if script.usage is None else {**answer, "usage": script.usage}

    async def _stream(self, script: Script, body: dict[str, Any]) -> AsyncIterator[bytes]:
        finished = False
        try:
            for number, event in enumerate(self._events(script, body)):
                if number == script.break_after:
                    finished = True
                    return
                yield b"data: " + msgspec.json.encode(event) + b"\n\n"
                await asyncio.sleep(script.event_delay_s)
            yield b"data: [DONE]\n\n"
            finished = True
        finally:
            self.aborted += not finished

    def _events(self, script: Script, body: dict[str, Any]) -> list[dict[str, Any]]:
        envelope = _envelope("chat.completion.chunk", body)
        message = self._message(script, body)
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        for piece in pieces(message.get(script.reasoning_name, ""), script.cuts):
            deltas.append({script.reasoning_name: piece})
        for piece in pieces(message["content"], script.cuts):
            deltas.append({"content": piece})
        for call in message.get("tool_calls", ()):
            head = {**call, "index": 0, "function": {"name": "send", "arguments": ""}}
            deltas.append({"tool_calls": [head]})
            for piece in pieces(call["function"]["arguments"], script.cuts):
                deltas.append({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
        events = [{**envelope, "choices": [choice]} for choice in choices]
        if script.usage is not None and (body.get("stream_options") or {}).get("include_usage"):
            events.append({**envelope, "choices": [], "usage": script.usage})
        return events


def pieces(text: str, cuts: list[int] | None) -> list[str]:
    """``text`` cut at the given positions, or every three characters."""
    marks = range(3, len(text), 3) if cuts is None else sorted(set(cuts))
    bounds = [0, *(mark for mark in marks if 0 < mark < len(text)), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(bounds) if a < b]


def _envelope(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": body["model"]}


def _last_user_text(body: dict[str, Any]) -> str:
    for message in reversed(body["messages"]):
        if message["role"] == "user" and isinstance(message["content"], str):
            return message["content"]
    return ""


def create_app(*, keep_bodies: bool = True) -> Starlette:
    capture = Capture(keep_bodies=keep_bodies)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", capture.chat, methods=["POST"]),
            *Surfaces(capture, pieces).routes(),
            Route("/v1/models", capture.models),
            Route("/captured", capture.captured),
            Route("/ids", capture.requests),
            Route("/script", capture.configure, methods=["POST"]),
            Route("/release", capture.release, methods=["POST"]),
            Route("/reset", capture.reset, methods=["POST"]),
        ]
    )


if __name__ == "__main__":
    app = create_app(keep_bodies="ids" not in sys.argv[2:])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
