"""An OpenAI-compatible upstream that does what it is told, as a process of its own.

    python -m support.obedient_upstream PORT

It calls tools that are forced (or asked for in words: "call"), answers in the schema that is
asked for, sees that a picture came, thinks where thinking is on, and honours ``n``, ``stop``,
``max_tokens`` and ``logprobs``. A bad request gets 400. ``GET /captured`` gives the bodies seen;
a prompt with "fail twice" gets two 503 before its answer, "slowly" an event every 50 ms.
"""

import asyncio
import base64
import hashlib
import itertools
import re
import struct
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from support.schema_sample import sample

_IDS = itertools.count(1)
_DIMENSIONS = 8


class Obedient:
    """The state of the process."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.aborted = 0
        self._failed: Counter[str] = Counter()

    async def chat(self, request: Request) -> Response:
        body = msgspec.json.decode(await request.body())
        self.seen.append({"path": request.url.path, "body": body})
        problem = _problem(body)
        if problem is not None:
            return _error(400, problem)
        prompt = _last_user(body)
        if "fail twice" in prompt and self._failed[prompt] < 2:
            self._failed[prompt] += 1
            return _error(503, "not now", {"retry-after": "0"})
        answer = Answer(body)
        if body.get("stream"):
            pause = 0.05 if "slowly" in prompt else 0.0
            return StreamingResponse(self._stream(answer, pause), media_type="text/event-stream")
        return JSONResponse(answer.whole())

    async def _stream(self, answer: "Answer", pause: float) -> AsyncIterator[bytes]:
        finished = False
        try:
            for event in answer.events():
                yield b"data: " + msgspec.json.encode(event) + b"\n\n"
                await asyncio.sleep(pause)
            yield b"data: [DONE]\n\n"
            finished = True
        finally:
            self.aborted += not finished

    async def complete(self, request: Request) -> Response:
        body = msgspec.json.decode(await request.body())
        self.seen.append({"path": request.url.path, "body": body})
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        texts = [f" and then {prompt}" for prompt in prompts]
        base = {"id": f"cmpl-{next(_IDS)}", "created": 1, "model": body["model"]}
        base["object"] = "text_completion"
        usage = _usage(sum(map(_count, prompts)), sum(map(_count, texts)))
        if not body.get("stream"):
            choices = [_text_choice(index, text, "stop") for index, text in enumerate(texts)]
            return JSONResponse({**base, "choices": choices, "usage": usage})
        events = [
            {**base, "choices": [_text_choice(index, piece, None)]}
            for index, text in enumerate(texts)
            for piece in _pieces(text)
        ]
        events += [{**base, "choices": [_text_choice(i, "", "stop")]} for i in range(len(texts))]
        if (body.get("stream_options") or {}).get("include_usage"):
            events.append({**base, "choices": [], "usage": usage})
        lines = [b"data: " + msgspec.json.encode(event) + b"\n\n" for event in events]
        whole = b"".join([*lines, b"data: [DONE]\n\n"])
        return Response(whole, media_type="text/event-stream")

    async def embed(self, request: Request) -> Response:
        body = msgspec.json.decode(await request.body())
        self.seen.append({"path": request.url.path, "body": body})
        given = body["input"]
        nested = isinstance(given, list) and not (given and isinstance(given[0], int))
        texts = given if nested else [given]
        size = body.get("dimensions") or _DIMENSIONS
        data = [
            {"object": "embedding", "index": index, "embedding": _vector(text, size, body)}
            for index, text in enumerate(texts)
        ]
        count = sum(map(_count, texts))
        usage = {"prompt_tokens": count, "total_tokens": count}
        return JSONResponse(
            {"object": "list", "data": data, "model": body["model"], "usage": usage}
        )

    async def models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "any-model", "object": "model"}]})

    async def captured(self, request: Request) -> Response:
        return JSONResponse({"seen": self.seen, "aborted": self.aborted})


class Answer:
    """What a chat request is answered with."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body
        self._prompt = _last_user(body)
        self._envelope = {"id": f"chatcmpl-{next(_IDS)}", "created": 1, "model": body["model"]}
        self._message, self._finish = self._say()

    def whole(self) -> dict[str, Any]:
        choices = [
            {
                "index": index,
                "message": {**self._message, "refusal": None, "annotations": []},
                "logprobs": self._logprobs(self._message.get("content") or ""),
                "finish_reason": self._finish,
            }
            for index in range(self._body.get("n") or 1)
        ]
        head = {**self._envelope, "object": "chat.completion"}
        return {**head, "choices": choices, "usage": self._usage()}

    def events(self) -> Iterator[dict[str, Any]]:
        for index in range(self._body.get("n") or 1):
            yield self._event(index, {"role": "assistant", "content": ""})
            for piece in _pieces(self._message.get("reasoning_content") or ""):
                yield self._event(index, {"reasoning_content": piece})
            for piece in _pieces(self._message.get("content") or ""):
                yield self._event(index, {"content": piece}, self._logprobs(piece))
            for at, call in enumerate(self._message.get("tool_calls", ())):
                name = call["function"]["name"]
                head = {**call, "index": at, "function": {"name": name, "arguments": ""}}
                yield self._event(index, {"tool_calls": [head]})
                for piece in _pieces(call["function"]["arguments"]):
                    function = {"arguments": piece}
                    yield self._event(index, {"tool_calls": [{"index": at, "function": function}]})
            yield self._event(index, {}, finish=self._finish)
        if (self._body.get("stream_options") or {}).get("include_usage"):
            kind = {"object": "chat.completion.chunk"}
            yield {**self._envelope, **kind, "choices": [], "usage": self._usage()}

    def _event(
        self, index: int, delta: dict[str, Any], logprobs: Any = None, finish: str | None = None
    ) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return {**self._envelope, "object": "chat.completion.chunk", "choices": [choice]}

    def _say(self) -> tuple[dict[str, Any], str]:
        message: dict[str, Any] = {"role": "assistant"}
        if _thinks(self._body):
            message["reasoning_content"] = f"Thinking about: {self._prompt}"
        called = self._called()
        if called:
            return {**message, "content": None, "tool_calls": called}, "tool_calls"
        text, finish = self._text(), "stop"
        for stop in _as_list(self._body.get("stop")):
            text = text.split(stop)[0]
        limit = self._body.get("max_completion_tokens") or self._body.get("max_tokens")
        words = text.split(" ")
        if limit is not None and len(words) > limit:
            text, finish = " ".join(words[:limit]), "length"
        return {**message, "content": text}, finish

    def _called(self) -> list[dict[str, Any]]:
        tools = [tool["function"] for tool in self._body.get("tools") or ()]
        choice = self._body.get("tool_choice", "auto")
        if isinstance(choice, dict):
            tools = [tool for tool in tools if tool["name"] == choice["function"]["name"]]
        elif (
            choice == "none"
            or self._body["messages"][-1]["role"] == "tool"
            or (choice == "auto" and "call" not in self._prompt.lower())
        ):
            return []
        if "both" not in self._prompt.lower() or self._body.get("parallel_tool_calls") is False:
            tools = tools[:1]
        return [
            {
                "id": f"call_{next(_IDS)}",
                "type": "function",
                "function": {"name": tool["name"], "arguments": self._arguments(tool)},
            }
            for tool in tools
        ]

    def _arguments(self, tool: dict[str, Any]) -> str:
        value = sample(tool.get("parameters") or {"type": "object"})
        for name in value:
            if isinstance(value[name], str) and value[name] == "text":
                value[name] = self._prompt
        return msgspec.json.encode(value).decode()

    def _text(self) -> str:
        last = self._body["messages"][-1]
        if last["role"] == "tool":
            return f"The tool said: {_plain(last['content'])}"
        form = self._body.get("response_format") or {}
        if form.get("type") == "json_schema":
            return msgspec.json.encode(sample(form["json_schema"]["schema"])).decode()
        if form.get("type") == "json_object":
            return msgspec.json.encode({"said": self._prompt}).decode()
        pictures = _pictures(last["content"])
        if pictures:
            return f"I see {len(pictures)} picture: {pictures[0]}"
        return f"You said: {self._prompt}"

    def _logprobs(self, text: str) -> Any:
        if not self._body.get("logprobs"):
            return None
        more = self._body.get("top_logprobs") or 0
        entries = []
        for token in re.findall(r"\s*\S+|\s+", text):
            entry = {"token": token, "logprob": -0.5, "bytes": list(token.encode())}
            entries.append({**entry, "top_logprobs": [entry] * min(more, 1)})
        return {"content": entries, "refusal": None}

    def _usage(self) -> dict[str, Any]:
        said = self._message.get("content") or ""
        for call in self._message.get("tool_calls", ()):
            said += call["function"]["arguments"]
        thought = _count(self._message.get("reasoning_content") or "")
        prompt = sum(_count(_plain(message.get("content"))) for message in self._body["messages"])
        usage = _usage(prompt, _count(said) + thought)
        usage["completion_tokens_details"] = {"reasoning_tokens": thought}
        return usage


def _problem(body: Any) -> str | None:
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        return "messages is missing"
    temperature = body.get("temperature")
    if temperature is not None and not 0 <= temperature <= 2:
        return "temperature must be between 0 and 2"
    return None


def _thinks(body: dict[str, Any]) -> bool:
    template = body.get("chat_template_kwargs") or {}
    if "thinking" in template:
        return bool(template["thinking"])
    thinking = body.get("thinking")
    if isinstance(thinking, dict):
        return thinking.get("type") == "enabled"
    return body.get("reasoning_effort") not in (None, "none", "minimal")


def _last_user(body: dict[str, Any]) -> str:
    for message in reversed(body["messages"]):
        if message["role"] == "user":
            return _plain(message["content"])
    return ""


def _plain(content: Any) -> str:
    if isinstance(content, list):
        return " ".join(part["text"] for part in content if part.get("type") == "text")
    return content or ""


def _pictures(content: Any) -> list[str]:
    parts = content if isinstance(content, list) else []
    urls = [part["image_url"]["url"] for part in parts if part.get("type") == "image_url"]
    return [url.partition(";")[0].removeprefix("data:") for url in urls]


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _count(text: Any) -> int:
    return len(text) if isinstance(text, list) else len(str(text).split())


def _usage(prompt: int, completion: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def _text_choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}


def _vector(text: Any, size: int, body: dict[str, Any]) -> Any:
    """Numbers that depend on the text alone, of length one."""
    seed = hashlib.shake_128(str(text).encode()).digest(2 * size)
    raw = [number / 32768 - 1 for number in struct.unpack(f"<{size}H", seed)]
    norm = sum(number * number for number in raw) ** 0.5
    vector = [number / norm for number in raw]
    if body.get("encoding_format") == "base64":
        return base64.b64encode(struct.pack(f"<{size}f", *vector)).decode()
    return vector


def _pieces(text: str) -> list[str]:
    """A text as tokens would cut it."""
    return re.findall(r"\s*\S{1,4}|\s+", text)


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status, headers=headers)


def create_app() -> Starlette:
    upstream = Obedient()
    return Starlette(
        routes=[
            Route("/v1/chat/completions", upstream.chat, methods=["POST"]),
            Route("/v1/completions", upstream.complete, methods=["POST"]),
            Route("/v1/embeddings", upstream.embed, methods=["POST"]),
            Route("/v1/models", upstream.models),
            Route("/captured", upstream.captured),
        ]
    )


if __name__ == "__main__":
    uvicorn.run(create_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
