"""A connection whose body is known already and whose answer is kept as it goes out."""

import asyncio
from collections.abc import AsyncIterator

from gateway.http.connection import Connection, HeaderList, no_messages, too_large


class KeptConnection(Connection):
    """Around the client's own connection.

    A client that hangs up does not stop a request whose answer is kept whole: it will ask for
    the answer again. A stream is stopped as ever, since half of one is nothing to repeat.
    ``answered``: the last of the answer goes out; ``settled``: it is kept, or never will be.
    """

    __slots__ = (
        "_body", "_inner", "_most", "_watched", "answer", "answer_headers", "answered", "settled",
        "status", "too_large",
    )  # fmt: skip

    def __init__(self, inner: Connection, body: bytes, most: int, *, watched: bool) -> None:
        self._inner, self._watched = inner, watched
        super().__init__(inner.scope, no_messages, no_messages)
        self.path = inner.path
        self._body = body
        self._most = most
        self.status = 0
        self.answer_headers: HeaderList = []
        self.answer = bytearray()
        self.too_large = False
        self.answered = False
        self.settled = asyncio.Event()

    @property
    def disconnected(self) -> bool:
        return self._watched and self._inner.disconnected

    @disconnected.setter
    def disconnected(self, value: bool) -> None:
        """It is the inner connection that notices."""

    async def read_body(self, limit: int) -> bytes:
        if len(self._body) > limit:
            raise too_large(limit)
        return self._body

    async def pieces(self) -> AsyncIterator[bytes]:
        yield self._body

    def watch(self) -> None:
        if self._watched:
            self._inner.watch()

    async def unwatch(self) -> None:
        if self._watched:
            await self._inner.unwatch()

    async def start(self, status: int, headers: HeaderList) -> None:
        self.started = True
        self.status, self.answer_headers = status, headers
        await self._inner.start(status, headers)

    async def write(self, body: bytes, *, more: bool = False) -> None:
        self.too_large = self.too_large or len(self.answer) + len(body) > self._most
        if not self.too_large:
            self.answer += body
        self.answered = not more
        await self._inner.write(body, more=more)
