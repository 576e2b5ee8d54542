r"""JSON source text read as the text it means, each character with the source it came from.

``"caf\u00e9"`` is looked at as ``"café"`` and written back byte for byte. Strings and numbers are
told apart, since what replaces a number must be a string to keep the document valid.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_PLAIN: Final = re.compile(r'[^"\\]+')
_OUTSIDE: Final = re.compile(r'[^"\d-]+')
_NUMBER: Final = re.compile(r"-?\d[\d.eE+-]*")
_LONGEST_NUMBER: Final = 64
_AFTER_NUMBER: Final = frozenset(",]} \t\r\n")
_ESCAPE: Final = re.compile(r"\\u[0-9a-fA-F]{4}|\\[^u]", re.DOTALL)
_HALF: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_LOW: Final = re.compile(r"\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_LOW_HALF: Final = re.compile(r"\\?u?(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?\Z")
_SHORT: Final = {
    '"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
}  # fmt: skip


class Part(NamedTuple):
    """``kind``: ``text`` (with ``raw`` where the source differs), ``number``, ``quote``."""

    kind: str
    text: str
    raw: list[str] | None = None


class JsonSource:
    """Feed it source text; it yields parts, incomplete escapes and numbers held back."""

    def __init__(self) -> None:
        self._rest = ""
        self._in_string = False
        self._after = ""  # character before, outside of strings

    def feed(self, chunk: str, *, final: bool = False) -> Iterator[Part]:
        """The parts of ``chunk``; ``final`` lets everything go that was held back."""
        source, self._rest = self._rest + chunk, ""
        position = 0
        while position < len(source):
            if source[position] == '"':
                self._in_string = not self._in_string
                self._after = '"'
                yield Part("quote", '"')
                position += 1
                continue
            step = self._inside if self._in_string else self._outside
            found = step(source, position, final)
            if found is None:
                self._rest = source[position:]
                return
            part, position = found
            yield part

    def _inside(self, source: str, start: int, final: bool) -> tuple[Part, int] | None:
        plain = _PLAIN.match(source, start)
        if plain is not None:
            return Part("text", plain[0]), plain.end()
        escape = _ESCAPE.match(source, start)
        if escape is None:
            if _HALF.match(source, start) and not final:
                return None
            return Part("text", "\\"), start + 1
        raw, end = escape[0], escape.end()
        if raw[1] != "u":
            return Part("text", _SHORT.get(raw[1], raw[1]), [raw]), end
        code = int(raw[2:], 16)
        if 0xD800 <= code < 0xDC00:
            low = _LOW.match(source, end)
            if low is not None:
                code = 0x10000 + ((code - 0xD800) << 10) + int(low[0][2:], 16) - 0xDC00
                return Part("text", chr(code), [raw + low[0]]), low.end()
            if _LOW_HALF.match(source, end) and not final:
                return None
        # Half of a character is no character; it goes back as it came.
        character = "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)
        return Part("text", character, [raw]), end

    def _outside(self, source: str, start: int, final: bool) -> tuple[Part, int] | None:
        other = _OUTSIDE.match(source, start)
        if other is not None:
            self._after = other[0][-1]
            return Part("text", other[0]), other.end()
        number = _NUMBER.match(source, start)
        fits = self._after in ("", "[", ":", ",", " ", "\n", "\t", "\r")
        if number is None or not fits:
            if source[start:] == "-" and fits and not final:
                return None
            end = number.end() if number else start + 1
            self._after = source[end - 1]
            return Part("text", source[start:end]), end
        end = number.end()
        if end == len(source) and end - start < _LONGEST_NUMBER and not final:
            return None
        is_number = end < len(source) and source[end] in _AFTER_NUMBER
        self._after = source[end - 1]
        return Part("number" if is_number else "text", number[0]), end
