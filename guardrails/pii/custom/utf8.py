"""A text as UTF-8, and the way back from byte offsets to code points.

The linear-time engine reads bytes; findings are in code points.
"""

from collections.abc import Iterable


class Utf8Text:
    """``data`` has one character per code point of ``text``, also for lone surrogates.

    Args:
        text: any Python text.
    """

    __slots__ = ("data", "is_ascii", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_ascii = text.isascii()
        # A lone surrogate has no UTF-8; "?" keeps the count of code points.
        self.data = text.encode("utf-8", "replace")

    def spans(self, found: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Code point offsets of byte spans whose starts ascend."""
        if self.is_ascii:
            return list(found)
        spans: list[tuple[int, int]] = []
        byte = character = 0
        for start, end in found:
            character += len(self.data[byte:start].decode())
            spans.append((character, character + len(self.data[start:end].decode())))
            byte = start
        return spans

    def before(self, offset: int) -> str:
        """The character that ends at a byte offset; empty at the start."""
        start = offset - 1
        while start > 0 and self.data[start] & 0xC0 == 0x80:
            start -= 1
        return self.data[max(start, 0) : offset].decode()

    def next(self, offset: int) -> int:
        """The byte offset one character on."""
        offset += 1
        while offset < len(self.data) and self.data[offset] & 0xC0 == 0x80:
            offset += 1
        return offset
