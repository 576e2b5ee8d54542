"""Providers that speak no OpenAI dialect, on the wire: Anthropic, Azure, Bedrock and Gemini.

    python -m support.provider_upstream PORT

The model of a request says what happens: ``think`` thinks and calls a tool, ``hang`` streams
without an end, ``limited``, ``long``, ``refused`` and ``broken`` are errors; any other echoes the
last user text. ``GET /captured`` gives what was asked and how many streams were hung up on,
``POST /reset`` forgets it.
"""

import asyncio
import json
import struct
import sys
import zlib
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

THOUGHT, SIGNATURE = "I should look it up.", "c2lnbmF0dXJl" * 12
KEY_IN_ERROR = "key-that-an-error-tells"


class Provider:
    """The state of the process."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.aborted = 0

    async def take(self, request: Request) -> dict[str, Any]:
        body = json.loads(await request.body())
        entry = {"path": request.url.path, "query": dict(request.query_params)}
        self.seen.append({**entry, "headers": dict(request.headers), "body": body})
        return body

    async def captured(self, request: Request) -> Response:
        return JSONResponse({"seen": self.seen, "aborted": self.aborted})

    async def reset(self, request: Request) -> Response:
        self.seen, self.aborted = [], 0
        return JSONResponse({})

    def stream(self, events: list[bytes], model: str, kind: str) -> Response:
        async def send() -> AsyncIterator[bytes]:
            ended = False
            try:
                for event in events[:-2] if "hang" in model else events:
                    yield event
                    await asyncio.sleep(0)
                while "hang" in model:
                    await asyncio.sleep(0.02)
                    yield b": still here\n\n" if "event-stream" in kind else b""
                ended = True
            finally:
                self.aborted += not ended

        return StreamingResponse(send(), media_type=kind)

    async def anthropic(self, request: Request) -> Response:
        body = await self.take(request)
        if (error := _error(body["model"])) is not None:
            status, kind, text = error
            said = {"type": "error", "error": {"type": kind, "message": text}}
            return JSONResponse(said, status, {"retry-after": "7"})
        blocks = _blocks(body["model"], _last_text(body["messages"]))
        usage = {
            "input_tokens": 11,
            "output_tokens": 7,
            "cache_read_input_tokens": 30,
            "cache_creation_input_tokens": 5,
        }
        stop = "tool_use" if blocks[-1]["type"] == "tool_use" else "end_turn"
        message = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": body["model"],
            "content": blocks, "stop_reason": stop, "stop_sequence": None, "usage": usage,
        }  # fmt: skip
        if not body.get("stream"):
            return JSONResponse(message)
        events = _anthropic_events(message)
        return self.stream(events, body["model"], "text/event-stream")

    async def azure(self, request: Request) -> Response:
        body = await self.take(request)
        model = request.path_params["deployment"]
        if request.path_params["operation"] == "embeddings":
            data = [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}]
            usage = {"prompt_tokens": 3, "total_tokens": 3}
            return JSONResponse({"object": "list", "model": model, "data": data, "usage": usage})
        if (error := _error(model)) is not None:
            said = {"error": {"code": error[1], "message": error[2]}}
            return JSONResponse(said, error[0], {"retry-after": "7"})
        text = f"You said: {_last_text(body['messages'])}"
        envelope = {"id": "chatcmpl-1", "created": 1, "model": model}
        usage = {
            "prompt_tokens": 11,
            "completion_tokens": 7,
            "total_tokens": 18,
            "prompt_tokens_details": {"cached_tokens": 4},
        }
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": text}}
            choices = [{**choice, "finish_reason": "stop"}]
            kind = {"object": "chat.completion"}
            return JSONResponse({**envelope, **kind, "choices": choices, "usage": usage})
        envelope["object"] = "chat.completion.chunk"
        deltas = [{"role": "assistant", "content": ""}, *({"content": p} for p in _pieces(text))]
        events = [
            {**envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
            for delta in deltas
        ]
        events.append({**envelope, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        events.append({**envelope, "choices": [], "usage": usage})
        lines = [*map(_data, events), b"data: [DONE]\n\n"]
        return self.stream(lines, model, "text/event-stream")

    async def bedrock(self, request: Request) -> Response:
        body = await self.take(request)
        model = request.path_params["model"]
        if (error := _error(model)) is not None:
            kind = {"x-amzn-errortype": error[1], "retry-after": "7"}
            return JSONResponse({"message": error[2]}, error[0], kind)
        text = _last_text(body["messages"])
        usage = {
            "inputTokens": 11,
            "outputTokens": 7,
            "totalTokens": 53,
            "cacheReadInputTokens": 30,
            "cacheWriteInputTokens": 5,
        }
        blocks = [_bedrock_block(block) for block in _blocks(model, text)]
        stop = "tool_use" if "toolUse" in blocks[-1] else "end_turn"
        if request.path_params["operation"] == "converse":
            message = {"role": "assistant", "content": blocks}
            answer = {"output": {"message": message}, "stopReason": stop, "usage": usage}
            return JSONResponse({**answer, "metrics": {"latencyMs": 1}})
        events = _bedrock_events(blocks, stop, usage)
        return self.stream(events, model, "application/vnd.amazon.eventstream")

    async def gemini(self, request: Request) -> Response:
        body = await self.take(request)
        model, _, operation = request.path_params["call"].partition(":")
        if (error := _error(model)) is not None:
            said = {"code": error[0], "status": error[1], "message": error[2]}
            return JSONResponse({"error": said}, error[0], {"retry-after": "7"})
        texts = [part.get("text", "") for part in body["contents"][-1]["parts"]]
        parts: list[dict[str, Any]] = [
            {"text": piece} for piece in _pieces(f"You said: {texts[-1]}")
        ]
        if "think" in model:
            call = {"name": "look_up", "args": {"city": texts[-1]}}
            parts = [{"text": THOUGHT, "thought": True}, {"functionCall": call}]
        usage = {
            "promptTokenCount": 41,
            "candidatesTokenCount": 7,
            "thoughtsTokenCount": 5,
            "cachedContentTokenCount": 30,
            "totalTokenCount": 53,
        }

        def piece(parts: list[Any], finish: str | None) -> dict[str, Any]:
            content = {"role": "model", "parts": parts}
            candidate = {"index": 0, "content": content}
            if finish:
                candidate["finishReason"] = finish
            return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}

        if operation == "generateContent":
            return JSONResponse(piece(parts, "STOP"))
        events = [_data(piece([part], None)) for part in parts[:-1]]
        events.append(_data(piece([parts[-1]], "STOP")))
        return self.stream(
            [*events, b"", b""] if "hang" in model else events, model, "text/event-stream"
        )


def _error(model: str) -> tuple[int, str, str] | None:
    secret = f"; {KEY_IN_ERROR}"
    for name, error in {
        "limited": (429, "rate_limit_error", "slow down" + secret),
        "long": (
            400,
            "invalid_request_error",
            "prompt is too long: 300000 tokens > 200000 maximum",
        ),
        "refused": (400, "invalid_request_error", "no such field" + secret),
        "broken": (500, "api_error", "out of order" + secret),
        "unknown-key": (401, "authentication_error", "invalid x-api-key" + secret),
    }.items():
        if name in model:
            return error
    return None


def _blocks(model: str, text: str) -> list[dict[str, Any]]:
    if "think" not in model:
        return [{"type": "text", "text": f"You said: {text}"}]
    call = {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {"city": text}}
    return [{"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}, call]


def _last_text(messages: list[dict[str, Any]]) -> str:
    content = messages[-1]["content"]
    if isinstance(content, str):
        return content
    texts = [part["text"] for part in content if isinstance(part.get("text"), str)]
    return texts[-1] if texts else ""


def _pieces(text: str) -> list[str]:
    return [text[at : at + 4] for at in range(0, len(text), 4)]


def _data(event: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def _anthropic_events(message: dict[str, Any]) -> list[bytes]:
    usage = message["usage"]
    start = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(message["content"]):
        empty, deltas = _anthropic_deltas(block)
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
        events.append({"type": "content_block_stop", "index": index})
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": stop, "usage": usage})
    events.append({"type": "message_stop"})
    return [f"event: {event['type']}\n".encode() + _data(event) for event in events]


def _anthropic_deltas(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "text":
        pieces = [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])]
        return {"type": "text", "text": ""}, pieces
    if block["type"] == "thinking":
        pieces = [
            {"type": "thinking_delta", "thinking": piece} for piece in _pieces(block["thinking"])
        ]
        pieces.append({"type": "signature_delta", "signature": block["signature"]})
        return {"type": "thinking", "thinking": "", "signature": ""}, pieces
    text = json.dumps(block["input"])
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in _pieces(text)]
    return {**block, "input": {}}, pieces


def _bedrock_block(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] == "text":
        return {"text": block["text"]}
    if block["type"] == "thinking":
        text = {"text": block["thinking"], "signature": block["signature"]}
        return {"reasoningContent": {"reasoningText": text}}
    call = {"toolUseId": block["id"], "name": block["name"], "input": block["input"]}
    return {"toolUse": call}


def _bedrock_events(blocks: list[dict[str, Any]], stop: str, usage: dict[str, Any]) -> list[bytes]:
    events = [frame("messageStart", {"role": "assistant"})]
    for index, block in enumerate(blocks):
        at = {"contentBlockIndex": index}
        if "toolUse" in block:
            call = dict(block["toolUse"])
            text = json.dumps(call.pop("input"))
            events.append(frame("contentBlockStart", {**at, "start": {"toolUse": call}}))
            deltas: list[Any] = [{"toolUse": {"input": piece}} for piece in _pieces(text)]
        elif "reasoningContent" in block:
            inner = block["reasoningContent"]["reasoningText"]
            deltas = [{"reasoningContent": {"text": piece}} for piece in _pieces(inner["text"])]
            deltas.append({"reasoningContent": {"signature": inner["signature"]}})
        else:
            deltas = [{"text": piece} for piece in _pieces(block["text"])]
        events += [frame("contentBlockDelta", {**at, "delta": delta}) for delta in deltas]
        events.append(frame("contentBlockStop", at))
    events.append(frame("messageStop", {"stopReason": stop}))
    events.append(frame("metadata", {"usage": usage, "metrics": {"latencyMs": 1}}))
    return events


def frame(kind: str, payload: dict[str, Any]) -> bytes:
    """A message of ``application/vnd.amazon.eventstream``: lengths, checksum, headers, payload,
    checksum, all big-endian."""
    headers = b"".join(
        struct.pack(">B", len(name)) + name + b"\x07" + struct.pack(">H", len(value)) + value
        for name, value in (
            (b":event-type", kind.encode()),
            (b":content-type", b"application/json"),
            (b":message-type", b"event"),
        )
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


def create_app() -> Starlette:
    provider = Provider()
    return Starlette(
        routes=[
            Route("/captured", provider.captured),
            Route("/reset", provider.reset, methods=["POST"]),
            Route("/v1/messages", provider.anthropic, methods=["POST"]),
            Route(
                "/openai/deployments/{deployment}/{operation:path}",
                provider.azure,
                methods=["POST"],
            ),
            Route("/model/{model}/{operation}", provider.bedrock, methods=["POST"]),
            Route("/{rest:path}/models/{call}", provider.gemini, methods=["POST"]),
            Route("/models/{call}", provider.gemini, methods=["POST"]),
        ]
    )


if __name__ == "__main__":
    uvicorn.run(create_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
