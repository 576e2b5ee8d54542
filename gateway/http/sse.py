"""Server-sent events: an incremental parser and a writer.

Follows the WHATWG event-stream format as far as OpenAI-compatible servers use
it: ``data`` fields, comments, any of the three line ends, lines cut anywhere.
"""

from gateway.errors import UpstreamInvalidReply

DONE = b"[DONE]"
MAX_EVENT_BYTES = 4 * 1024 * 1024


def encode_event(data: bytes) -> bytes:
    """One event whose data is a single line."""
    return b"data: " + data + b"\n\n"


class SseParser:
    """Feed it chunks as they arrive; it returns the data of each finished event.

    >>> parser = SseParser()
    >>> parser.feed(b"data: {\\r"), parser.feed(b"\\n: ping\\r\\n\\r\\nda")
    ([], [b'{'])
    >>> parser.feed(b"ta: x\\n\\n")
    [b'x']
    """

    __slots__ = ("_buffer", "_data", "_skip_newline")

    def __init__(self) -> None:
        self._buffer = b""
        self._data: list[bytes] = []
        self._skip_newline = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Raises ``UpstreamInvalidReply`` for an event beyond ``MAX_EVENT_BYTES``."""
        if self._skip_newline and chunk:
            self._skip_newline = False
            if chunk[:1] == b"\n":
                chunk = chunk[1:]
        self._buffer += chunk
        if len(self._buffer) > MAX_EVENT_BYTES:
            raise UpstreamInvalidReply("The upstream sent an event that is too large.")
        if b"\r" in self._buffer:
            # A carriage return at the very end may be half of a CRLF.
            self._skip_newline = self._buffer.endswith(b"\r")
            self._buffer = self._buffer.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = self._buffer.split(b"\n")
        self._buffer = lines.pop()
        return [event for line in lines if (event := self._line(line)) is not None]

    def _line(self, line: bytes) -> bytes | None:
        if not line:
            if not self._data:
                return None
            event = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
            self._data = []
            return event
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
        return None
