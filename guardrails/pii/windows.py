"""Long texts in overlapping pieces, cut where words end."""

from collections.abc import Iterator


def windows(text: str, size: int, overlap: int) -> Iterator[tuple[int, int]]:
    """``(start, end)`` of pieces of at most ``size`` characters that cover ``text``.

    Each piece begins at most ``overlap`` characters before the end of the one before, at white
    space where there is some, so a name of up to about half of ``overlap`` is whole in one.
    """
    start = 0
    while True:
        end = min(start + size, len(text))
        if end < len(text):
            end = _boundary(text, end - overlap // 2, end)
        yield start, end
        if end == len(text):
            return
        start = _boundary(text, end - overlap, end - overlap // 2)


def _boundary(text: str, low: int, high: int) -> int:
    """The last line end, else space, in ``text[low:high]``; ``high`` where there is none."""
    for mark in ("\n", " "):
        position = text.rfind(mark, low, high)
        if position >= 0:
            return position + 1
    return high
