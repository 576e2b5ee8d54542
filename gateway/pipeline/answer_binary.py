"""Answers that are no JSON: speech, as the upstream sends it."""

import re
from collections.abc import AsyncIterator

from gateway.errors import UpstreamInvalidReply

_PASSED = re.compile(r"(audio/[\w.+-]+|application/octet-stream|text/event-stream)\s*(;[ -~]*)?")


class WholeReply:
    """One that came at once; its kind is not told."""

    content_type = "application/octet-stream"

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        return self._body

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body


def binary_type(content_type: str) -> bytes:
    """The content type, if it is one that a client may get.

    Raises:
        UpstreamInvalidReply: it is something else, such as a page or an error.
    """
    if not _PASSED.fullmatch(content_type.strip().lower()):
        raise UpstreamInvalidReply("The upstream's answer is no sound; try again.")
    return content_type.strip().encode("latin-1")
