"""Lists cut into parts of few different lengths, so that few statements are prepared for them."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

# Each length of a list of parameters is a statement of its own, which drivers prepare and keep
# for every connection: a few lengths are some megabytes, all of them some hundred.
_LENGTHS = (256, 64, 16, 4, 1)
_Item = TypeVar("_Item")


def parts(items: Sequence[_Item], lengths: Sequence[int] = _LENGTHS) -> Iterator[Sequence[_Item]]:
    """``items`` in order, cut.

    Args:
        lengths: of a part, the longest first; the last one is 1.

    >>> [len(part) for part in parts(range(337))]
    [256, 64, 16, 1]
    """
    start = 0
    for length in lengths:
        while len(items) - start >= length:
            yield items[start : start + length]
            start += length
