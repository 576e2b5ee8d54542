"""An OpenAI-compatible upstream that misbehaves on the wire, as a process of its own.

    python -m support.faulty_upstream PORT

The model of a request says how: ``FAULTS`` holds a coroutine by name, ``ok`` answers properly.
``POST /roles`` (``{model: fault}``) gives other models a fault, ``POST /release`` (``{count}``)
lets requests go on that ``hold``. ``GET /ids`` gives the request ids seen, ``GET /gone`` those
whose client hung up on ``hold``, ``POST /reset`` forgets them.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
DONE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}  # by one that failed
ENVELOPE = {"id": "chatcmpl-1", "created": 1, "model": "m"}


@dataclass(frozen=True)
class Call:
    """A request, and the connection to answer it on."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    writer: asyncio.StreamWriter
    reader: asyncio.StreamReader
    released: asyncio.Semaphore
    gone: list[str]
    number: int = 1  # of the request on its connection

    @property
    def is_stream(self) -> bool:
        return bool(self.body.get("stream"))

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status: str, kind: str, *more: str) -> None:
        lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", *more]
        await self.write("\r\n".join([*lines, "", ""]).encode())

    async def answer(
        self, body: bytes, kind: str = "application/json", status: str = "200 OK", *more: str
    ) -> None:
        await self.head(status, kind, f"content-length: {len(body)}", *more)
        await self.write(body)

    async def begin(self) -> None:
        await self.head("200 OK", "text/event-stream", "transfer-encoding: chunked")

    async def event(self, value: Any) -> None:
        await self.chunk(b"data: " + json.dumps(value).encode() + b"\n\n")

    async def chunk(self, data: bytes) -> None:
        await self.write(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        await self.write(b"0\r\n\r\n")


def answer() -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello there, stranger."}}
    choices = [choice | {"finish_reason": "stop"}]
    return {**ENVELOPE, "object": "chat.completion", "choices": choices, "usage": USAGE}


def delta(text: str, finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return {**ENVELOPE, "object": "chat.completion.chunk", "choices": [choice]}


async def ok(call: Call) -> None:
    if not call.is_stream:
        await call.answer(json.dumps(answer()).encode())
        return
    await call.begin()
    for text in ("Hello ", "there, ", "stranger."):
        await call.event(delta(text))
    await call.event(delta("", "stop"))
    await call.event({**ENVELOPE, "choices": [], "usage": USAGE})
    await call.chunk(b"data: [DONE]\n\n")
    await call.end()


async def garbage(call: Call) -> None:
    await call.answer(b"\x00\x01 this is no JSON {")


async def broken_utf8(call: Call) -> None:
    text = json.dumps(answer()).encode().replace(b"stranger", b"str\xff\xfenger")
    if not call.is_stream:
        await call.answer(text)
        return
    await call.begin()
    await call.chunk(b"data: " + text + b"\n\n")
    await call.end()


async def wrong_shape(call: Call) -> None:
    body = {**ENVELOPE, "choices": {"message": "none"}, "usage": [1, 2]}
    if not call.is_stream:
        await call.answer(json.dumps(body).encode())
        return
    await call.begin()
    await call.event(body)
    await call.end()


async def html(call: Call) -> None:
    await call.answer(b"<html><h1>It works!</h1></html>", "text/html")


async def json_for_a_stream(call: Call) -> None:
    await call.answer(json.dumps(answer()).encode())


async def stream_for_a_plain_request(call: Call) -> None:
    await call.begin()
    await call.event(delta("Hello"))
    await call.chunk(b"data: [DONE]\n\n")
    await call.end()


async def error_as_success(call: Call) -> None:
    await call.answer(b'{"error": {"message": "out of memory", "code": 500}}')


async def error_event(call: Call) -> None:
    if not call.is_stream:
        await error_as_success(call)
        return
    await call.begin()
    await call.event(delta("Hello "))
    await call.event({"error": {"message": "out of memory", "code": 500}})
    await call.end()


async def half(call: Call) -> None:
    """The connection breaks in the midst of an answer."""
    if not call.is_stream:
        body = json.dumps(answer()).encode()
        await call.head("200 OK", "application/json", f"content-length: {len(body)}")
        await call.write(body[: len(body) // 2])
    else:
        await call.begin()
        await call.event(delta("Hello "))
        await call.event(delta("there, "))
    call.writer.close()


async def half_ended_properly(call: Call) -> None:
    """As ``half``, but HTTP knows of no fault: there is just no end of the answer."""
    if not call.is_stream:
        await call.answer(json.dumps(answer()).encode()[:60])
        return
    await call.begin()
    await call.event(delta("Hello "))
    await call.end()


async def no_event(call: Call) -> None:
    if not call.is_stream:
        await call.answer(b"")
        return
    await call.begin()
    await call.end()


async def stall_before_head(call: Call) -> None:
    await asyncio.sleep(3600)


async def stall_within(call: Call) -> None:
    if not call.is_stream:
        await call.head("200 OK", "application/json", "content-length: 500")
        await call.write(b'{"id": "chat')
    else:
        await call.begin()
        await call.event(delta("Hello "))
    await asyncio.sleep(3600)


async def endless(call: Call) -> None:
    if not call.is_stream:
        await call.head("200 OK", "application/json", "transfer-encoding: chunked")
        while True:
            await call.chunk(b" ")
            await asyncio.sleep(0.05)
    await call.begin()
    while True:
        await call.event(delta("again "))
        await asyncio.sleep(0.05)


async def drip(call: Call) -> None:
    """A proper answer, a byte at a time."""
    body = json.dumps(answer()).encode()
    if call.is_stream:
        events = [delta("Hello "), delta("", "stop"), {**ENVELOPE, "choices": [], "usage": USAGE}]
        lines = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events]
        body = b"".join([*lines, b"data: [DONE]\n\n"])
    kind = "text/event-stream" if call.is_stream else "application/json"
    await call.head("200 OK", kind, f"content-length: {len(body)}")
    for position in range(len(body)):
        await call.write(body[position : position + 1])
        await asyncio.sleep(0.001)


async def late_end(call: Call) -> None:
    """A proper stream whose end comes two seconds after its first token."""
    await call.begin()
    await call.event(delta("Hello "))
    await asyncio.sleep(2)
    await call.event(delta("", "stop"))
    await call.event({**ENVELOPE, "choices": [], "usage": USAGE})
    await call.chunk(b"data: [DONE]\n\n")
    await call.end()


async def hang_up(call: Call) -> None:
    call.writer.close()


async def hang_up_when_kept(call: Call) -> None:
    """A server that closes connections that were idle, just as the next request comes."""
    await (ok if call.number == 1 else hang_up)(call)


async def reset_before_head(call: Call) -> None:
    call.writer.transport.abort()


async def reset_after_head(call: Call) -> None:
    if call.is_stream:
        await call.begin()
    else:
        await call.head("200 OK", "application/json", "content-length: 500")
    await asyncio.sleep(0.05)
    call.writer.transport.abort()


async def stall_after_head(call: Call) -> None:
    if call.is_stream:
        await call.begin()
    else:
        await call.head("200 OK", "application/json", "content-length: 500")
    await asyncio.sleep(3600)


async def hold(call: Call) -> None:
    """Answer once told to; notice meanwhile that the client hangs up."""
    ended = asyncio.create_task(call.reader.read(1))
    told = asyncio.create_task(call.released.acquire())
    done, _ = await asyncio.wait({ended, told}, return_when=asyncio.FIRST_COMPLETED)
    if told in done:
        ended.cancel()
        with suppress(asyncio.CancelledError):
            await ended
        await ok(call)
        return
    told.cancel()
    call.gone.append(call.headers.get("x-request-id", ""))
    call.writer.close()


async def close_after_answer(call: Call) -> None:
    """A kept connection that is closed without a word: the next request meets it dead."""
    await ok(call)
    call.writer.close()


async def huge_header(call: Call) -> None:
    await call.answer(b"{}", "application/json", "200 OK", f"x-huge: {'x' * 1_000_000}")


async def no_http(call: Call) -> None:
    await call.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    call.writer.close()


def status(line: str, *more: str) -> Callable[[Call], Awaitable[None]]:
    async def answered(call: Call) -> None:
        await call.answer(b'{"error": {"message": "no"}}', "application/json", line, *more)

    return answered


def told(line: str) -> Callable[[Call], Awaitable[None]]:
    """An error that says what had been done until then, in the words of its endpoint."""

    async def answered(call: Call) -> None:
        counts = DONE
        if call.path.startswith(("/v1/images/", "/v1/audio/")):
            counts = {"input_tokens": DONE["prompt_tokens"], "output_tokens": 2}
        body = {"error": {"message": "out of memory"}, "usage": counts}
        await call.answer(json.dumps(body).encode(), "application/json", line)

    return answered


async def told_within(call: Call) -> None:
    await call.begin()
    await call.event(delta("Hello "))
    await call.event({"error": {"message": "out of memory"}, "usage": DONE})
    await call.end()


async def stall_within_error(call: Call) -> None:
    await call.head("500 Internal Server Error", "application/json", "content-length: 500")
    await call.write(b'{"error": {"mess')
    await asyncio.sleep(3600)


FAULTS: dict[str, Callable[[Call], Awaitable[None]]] = {
    "ok": ok,
    "garbage": garbage,
    "broken-utf8": broken_utf8,
    "wrong-shape": wrong_shape,
    "html": html,
    "json-for-a-stream": json_for_a_stream,
    "stream-for-a-plain-request": stream_for_a_plain_request,
    "error-as-success": error_as_success,
    "error-event": error_event,
    "half": half,
    "half-ended-properly": half_ended_properly,
    "no-event": no_event,
    "stall-before-head": stall_before_head,
    "stall-within": stall_within,
    "endless": endless,
    "drip": drip,
    "late-end": late_end,
    "hang-up": hang_up,
    "hang-up-when-kept": hang_up_when_kept,
    "reset-before-head": reset_before_head,
    "reset-after-head": reset_after_head,
    "stall-after-head": stall_after_head,
    "hold": hold,
    "close-after-answer": close_after_answer,
    "huge-header": huge_header,
    "no-http": no_http,
    "429": status("429 Too Many Requests", "retry-after: 7"),
    "429-date": status("429 Too Many Requests", "retry-after: Fri, 31 Dec 2027 23:59:59 GMT"),
    "429-nonsense": status("429 Too Many Requests", "retry-after: <script>soon</script>"),
    "400": status("400 Bad Request"),
    "429-soon": status("429 Too Many Requests", "retry-after: 0"),
    "502": status("502 Bad Gateway"),
    "504": status("504 Gateway Timeout"),
    "500": status("500 Internal Server Error"),
    "503": status("503 Service Unavailable", "retry-after: 9"),
    "200-told": told("200 OK"),
    "400-told": told("400 Bad Request"),
    "429-told": told("429 Too Many Requests"),
    "500-told": told("500 Internal Server Error"),
    "told-within": told_within,
    "500-halts": stall_within_error,
    "302": status("302 Found", "location: http://127.0.0.1:1/elsewhere"),
}


class Upstream:
    """The state of the process."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.gone: list[str] = []
        self.roles: dict[str, str] = {}
        self.released = asyncio.Semaphore(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            number = 0
            while not writer.is_closing():
                number += 1
                await self._dispatch(await self._read(reader, writer, number))
        writer.close()

    async def _dispatch(self, call: Call) -> None:
        if call.path == "/ids":
            await call.answer(json.dumps(self.ids).encode())
        elif call.path == "/reset":
            self.ids, self.gone = [], []
            await call.answer(b"{}")
        elif call.path == "/gone":
            await call.answer(json.dumps(self.gone).encode())
        elif call.path == "/roles":
            self.roles |= call.body
            await call.answer(b"{}")
        elif call.path == "/release":
            for _ in range(call.body["count"]):
                self.released.release()
            await call.answer(b"{}")
        elif call.path in ("/v1/models", "/health"):
            await call.answer(b'{"object": "list", "data": []}')
        else:
            self.ids.append(call.headers.get("x-request-id", ""))
            model = str(call.body["model"])
            await FAULTS[self.roles.get(model, model)](call)

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> Call:
        """One request; its head ends the connection where it is no HTTP."""
        start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value for line in lines if line for name, _, value in [_pair(line)]
        }
        sent = await reader.readexactly(int(headers.get("content-length", "0")))
        is_form = headers.get("content-type", "").startswith("multipart/")
        body = {"model": _model_of(sent)} if is_form else json.loads(sent or b"{}")
        path = start.split()[1]
        return Call(path, headers, body, writer, reader, self.released, self.gone, number)


def _model_of(form: bytes) -> str:
    return form.partition(b'name="model"')[2].split(b"\r\n", 3)[2].decode()


def _pair(line: str) -> tuple[str, str, str]:
    name, colon, value = line.partition(":")
    return name.strip(), colon, value.strip()


async def main(port: int) -> None:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
