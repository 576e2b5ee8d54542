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


def _is_one_event(chunk: bytes) -> bool:
    """Whether it is what most chunks are: one whole event of one line."""
    return (
        chunk.startswith(b"data: ")
        and chunk.endswith(b"\n\n")
        and len(chunk) < MAX_EVENT_BYTES
        and chunk.find(b"\n") == len(chunk) - 2
        and chunk.find(b"\r") < 0
    )


class SseParser:
    """Feed it chunks as they arrive; it returns the data of each finished event.

    >>> parser = SseParser()
    >>> parser.feed(b"data: {\\r"), parser.feed(b"\\n: ping\\r\\n\\r\\nda")
    ([], [b'{'])
    >>> parser.feed(b"ta: x\\n\\n")
    [b'x']
    """

    __slots__ = ("_data", "_line", "_size", "_skip_newline")

    def __init__(self) -> None:
        self._line: list[bytes] = []  # pieces of the line that has no end yet
        self._data: list[bytes] = []  # of the event that has no end yet
        self._size = 0  # of both
        self._skip_newline = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Raises ``UpstreamInvalidReply`` for an event beyond ``MAX_EVENT_BYTES``."""
        event = self.whole(chunk)
        if event is not None:
            return [event]
        if self._skip_newline and chunk:
            self._skip_newline = False
            if chunk[:1] == b"\n":
                chunk = chunk[1:]
        if b"\r" in chunk:
            # A carriage return at the very end may be half of a CRLF.
            self._skip_newline = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        first, *others = chunk.split(b"\n")
        events: list[bytes] = []
        self._add(first)
        for piece in others:
            event = self._end_line()
            if event is not None:
                events.append(event)
            self._add(piece)
        return events

    def whole(self, chunk: bytes) -> bytes | None:
        """The data of a chunk that is one event and nothing else; else ``feed`` it."""
        if not (self._size or self._skip_newline or self._data) and _is_one_event(chunk):
            return chunk[6:-2]
        return None

    def _add(self, piece: bytes) -> None:
        """A line may come in many pieces: they are joined once, at its end."""
        if piece:
            self._size += len(piece)
            if self._size > MAX_EVENT_BYTES:
                raise UpstreamInvalidReply("The upstream sent an event that is too large.")
            self._line.append(piece)

    def _end_line(self) -> bytes | None:
        """The data of the event that an empty line ends."""
        line = b"".join(self._line)
        self._line.clear()
        if not line:
            event = b"\n".join(self._data) if self._data else None
            self._data.clear()
            self._size = 0
            return event
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
        else:
            self._size -= len(line)  # comments and other fields are not kept
        return None
