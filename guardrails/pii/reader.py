"""Characters of a plain or a JSON-escaped text, one at a time, from a position on.

It says when the text ends inside something, and knows nothing of what is read.
"""

import json
import re
from typing import Final

_JSON_ESCAPES: Final = {
    '"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
}  # fmt: skip
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Ended(Exception):
    """The text ended before the next character was whole."""


class Reader:
    """Reads on from ``position``, which stands after ``last``, the character read latest."""

    __slots__ = ("_json_escaped", "_text", "last", "position")

    def __init__(self, text: str, position: int, json_escaped: bool) -> None:
        self._text = text
        self.position = position
        self.last = ""
        self._json_escaped = json_escaped

    def next(self) -> str:
        """The next character. Raises ``Ended`` where there is none."""
        if self._json_escaped:
            self.last, self.position = read_json_character(self._text, self.position)
            return self.last
        if self.position >= len(self._text):
            raise Ended
        self.last = self._text[self.position]
        self.position += 1
        return self.last

    def back_to(self, position: int, last: str) -> None:
        """As it was after ``last``."""
        self.position, self.last = position, last


def read_json_character(text: str, position: int) -> tuple[str, int]:
    """One character of a JSON text and where it ends. Raises ``Ended`` inside an escape."""
    piece = text[position : position + 6]
    if not piece or piece == "\\":
        raise Ended
    if piece[0] != "\\":
        return piece[0], position + 1
    if piece[1] != "u":
        return _JSON_ESCAPES.get(piece[1], piece[1]), position + 2
    if not _HEX.issuperset(piece[2:]):
        return "\\", position + 1
    if len(piece) < 6:
        raise Ended
    return chr(int(piece[2:], 16)), position + 6


def json_text(value: str) -> str:
    """``value`` as it stands inside a JSON string; lone surrogates stay escaped."""
    inner = json.dumps(value, ensure_ascii=False)[1:-1]
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", inner)
