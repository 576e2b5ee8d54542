"""Put values back where a stream brings tokens.

Holds back only what could still become an issued token, a few characters at most, and gives
the same text for every way of cutting the stream. It knows no surface: the caller makes one
restorer per field that is streamed (content, reasoning, each tool call's arguments).
"""

from guardrails.pii.tokens import Outcome, TokenTable

# What stood in the upstream's text, and what the client gets for it.
Piece = tuple[str, str]


class StreamRestorer:
    """Restores one streamed field.

    Args:
        table: the tokens issued in the scope of the request.
        json_escaped: the field is JSON source, such as tool-call arguments; values are
            inserted as they stand inside a JSON string.
    """

    def __init__(self, table: TokenTable, *, json_escaped: bool = False) -> None:
        self._table = table
        self._json_escaped = json_escaped
        self._pending = ""
        self._before = ""  # the character before what is pending

    def feed(self, chunk: str) -> str:
        """What can go out now; ``chunk`` itself where no token was issued."""
        if not self._table:
            return chunk
        return "".join([new for _, new in self.feed_pieces(chunk)])

    def flush(self) -> str:
        """What was held back, at the end of the field."""
        return "".join([new for _, new in self.flush_pieces()])

    def passes(self, chunk: str) -> bool:
        """Take in a chunk in which no token can begin or go on; else take in nothing."""
        if self._pending:
            return False
        if self._table.finder(self._json_escaped).search(chunk) is not None:
            return not self._table
        self._before = chunk[-1:] or self._before
        return True

    def feed_pieces(self, chunk: str) -> list[Piece]:
        """``feed``, telling what was replaced: ``(source, text)``, the same object twice where
        nothing was."""
        if not self._table:
            return [(chunk, chunk)] if chunk else []
        self._pending += chunk
        return self._drain(final=False)

    def flush_pieces(self) -> list[Piece]:
        """``flush`` as pieces."""
        return self._drain(final=True) if self._pending else []

    def _drain(self, *, final: bool) -> list[Piece]:
        text, before = self._pending, self._before
        pieces: list[Piece] = []
        sent = position = 0
        finder = self._table.finder(self._json_escaped)
        while match := finder.search(text, position):
            start = match.start()
            if start > position:
                before = text[start - 1]
            scan = self._table.scan(
                text, start, before, final=final, json_escaped=self._json_escaped
            )
            if scan.outcome is Outcome.MORE:
                self._pending, self._before = text[start:], before
                _keep(pieces, text[sent:start])
                return pieces
            if scan.outcome is Outcome.HIT:
                _keep(pieces, text[sent:start])
                pieces.append((text[start : scan.end], scan.value))
                sent = scan.end
            before, position = scan.last, scan.end
        if position < len(text):
            before = text[-1]
        _keep(pieces, text[sent:])
        self._pending, self._before = "", before
        return pieces


def _keep(pieces: list[Piece], text: str) -> None:
    if text:
        pieces.append((text, text))
