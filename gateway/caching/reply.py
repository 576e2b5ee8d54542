"""Replies of the cache: one that was kept, and one that is being kept as it comes."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from gateway.caching.conversion import Assembler, events_of, renewed
from gateway.upstreams.base import OfferingReply

if TYPE_CHECKING:
    from gateway.upstreams import Reply
    from gateway.upstreams.base import Take


class KeptReply:
    """A kept answer in the place of an upstream's, plain or as events."""

    complete = True
    has_next = False

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        return msgspec.json.encode(renewed(self._body))

    async def events(self) -> AsyncIterator[bytes]:
        for event in events_of(renewed(self._body)):
            yield event

    async def aclose(self) -> None:
        """Nothing is open."""


class WatchedReply:
    """Passes an upstream's answer on and keeps it.

    Args:
        most: bytes; of a longer answer nothing is kept.
    """

    def __init__(self, reply: "Reply", most: int) -> None:
        self._reply = reply
        self._most = most
        self._assembler: Assembler | None = None
        self._raw: bytes | None = None
        self.complete = False

    @property
    def has_next(self) -> bool:
        return self._reply.has_next

    async def read(self) -> bytes:
        raw = await self._reply.read()
        self.complete = self._reply.complete
        self._raw = raw if len(raw) <= self._most else None
        return raw

    async def events(self) -> AsyncIterator[bytes]:
        # An event carries about 250 bytes beside its token.
        assembler = self._assembler = Assembler(64 * self._most)
        async with aclosing(self._reply.events()) as events:  # type: ignore[type-var]
            async for data in events:
                assembler.feed(data)
                yield data
        self.complete = self._reply.complete

    def offer(self, take: "Take") -> None:
        """See ``OfferingReply``."""

        def keep(data: bytes) -> bool:
            taken = take(data)
            if taken and self._assembler is not None:
                self._assembler.feed(data)
            return taken

        if isinstance(self._reply, OfferingReply):
            self._reply.offer(keep)

    async def aclose(self) -> None:
        await self._reply.aclose()

    def answer(self) -> bytes | None:
        """The whole answer, once it has come; ``None`` if it did not or was too long."""
        raw = self._raw if self._assembler is None else self._assembler.answer()
        return raw if raw is not None and len(raw) <= self._most else None
