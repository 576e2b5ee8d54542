"""A closed-loop client: each of ``concurrency`` connections sends its next request when
the answer to the last is complete. A plain protocol, so that it takes little of the
processor that the measured systems share with it.
"""

import asyncio
import itertools
import json
import time
from dataclasses import dataclass, field
from typing import cast

from benchmarks.gateway.upstream import MODEL, content_length

_NUMBERS = itertools.count()
_PROMPT = (
    "Hello, my name is Greta Vogel and my order {n} of last Tuesday has not come yet. "
    "Please write a short and friendly reply to greta.vogel{n}@example.com that says when the "
    "parcel is going to arrive, thanks her for her patience, offers to call her back on "
    "+49 30 901820{m:02d} in the afternoon, and keeps to five sentences in plain English."
)


@dataclass
class Sample:
    """Latencies of one round in milliseconds, and how long the round took in seconds."""

    whole_ms: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0


class UnexpectedAnswer(Exception):
    """A measured system answered something other than 200; holds the start of it."""


def request_bytes(path: str, api_key: str, *, stream: bool) -> bytes:
    """One HTTP request whose prompt occurs only once, so that no cache answers it."""
    number = next(_NUMBERS)
    prompt = _PROMPT.format(n=number, m=number % 100)
    body = {"model": MODEL, "messages": [{"role": "user", "content": prompt}], "max_tokens": 200}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    content = json.dumps(body, separators=(",", ":")).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {api_key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._received = bytearray()
        self._first: float | None = None
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(ConnectionError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._first is None and (b"data:" in data or b"{" in data):
            self._first = time.perf_counter()
        if self._done is not None and not self._done.done() and self._complete():
            self._done.set_result(None)

    def _complete(self) -> bool:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        length = content_length(bytes(self._received[:end]))
        if length is None:
            return self._received.endswith(b"0\r\n\r\n")
        return len(self._received) >= end + 4 + length

    async def send(self, request: bytes) -> tuple[float, float]:
        """Seconds to the whole answer and to the first byte of its content."""
        self._received.clear()
        self._first = None
        self._done = asyncio.get_running_loop().create_future()
        start = time.perf_counter()
        self.transport.write(request)
        await self._done
        end = time.perf_counter()
        if not self._received.startswith(b"HTTP/1.1 200"):
            raise UnexpectedAnswer(bytes(self._received[:400]).decode("utf-8", "replace"))
        return end - start, (self._first or end) - start


async def load(
    port: int, path: str, api_key: str, *, stream: bool, concurrency: int, seconds: float
) -> Sample:
    """Keep ``concurrency`` requests under way for ``seconds``.

    Raises:
        UnexpectedAnswer: on any status but 200.
    """
    loop = asyncio.get_running_loop()
    sample = Sample()

    async def work() -> None:
        _, connection = await loop.create_connection(_Connection, "127.0.0.1", port)
        while time.perf_counter() < deadline:
            whole, first = await connection.send(request_bytes(path, api_key, stream=stream))
            sample.whole_ms.append(whole * 1000)
            sample.first_ms.append(first * 1000)
        connection.transport.close()

    start = time.perf_counter()
    deadline = start + seconds
    await asyncio.gather(*(work() for _ in range(concurrency)))
    sample.elapsed_s = time.perf_counter() - start
    return sample
