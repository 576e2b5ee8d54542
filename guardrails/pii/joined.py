"""Values that stand half in one part of a message and half in the next.

A card number or an address of e-mail cut in two is found in neither half. Where a border has a
digit or an ``@`` near, the characters around it are read together, and what crosses the border is
marked in each part that holds some of it. Names are not sought across borders: two halves of a
name are each a name.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

from guardrails.pii.engine import PiiEngine
from guardrails.pii.entities import RANK
from guardrails.pii.spans import resolve
from guardrails.types import Span

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

_NEAR: Final = 24  # characters from a border within which a digit or an @ must stand
_AROUND: Final = 120  # characters read to both sides
_WORDS: Final = 50  # ranks up to here are found by wording, not by form


def detect_joined(
    engine: PiiEngine,
    parts: Sequence[str],
    *,
    entities: frozenset[str] | None = None,
    languages: Sequence[str] | None = None,
    extra: Sequence[EntityRecognizer] = (),
    allow: Callable[[str], bool] | None = None,
) -> list[list[Span]]:
    """Spans of each part, as ``PiiEngine.detect`` finds them, and of values cut by borders.

    Args:
        parts: texts that stand one behind the other: the parts of a message, or messages.

    Raises:
        GuardUnavailable, InputTooLong: as ``PiiEngine.detect``.
    """

    def detect(text: str) -> list[Span]:
        return engine.detect(text, entities=entities, languages=languages, extra=extra, allow=allow)

    found = [detect(part) for part in parts]
    halves: list[list[Span]] = [[] for _ in parts]
    for text, pieces in _windows(parts):
        for span in detect(text):
            cut = list(_cut(span, pieces))
            # A value that is whole in its part only looks longer with the next part behind it.
            if not any(_is_known(half, found[part]) for part, half in cut):
                for part, half in cut:
                    halves[part].append(half)
    return [
        resolve(part, [*spans, *more]) if more else spans
        for part, spans, more in zip(parts, found, halves, strict=True)
    ]


def _is_known(half: Span, spans: Sequence[Span]) -> bool:
    return any(
        span.entity_type == half.entity_type and span.start <= half.start and half.end <= span.end
        for span in spans
    )


def _windows(parts: Sequence[str]) -> Iterator[tuple[str, list[tuple[int, int, int, int]]]]:
    """Texts around borders, and ``(part, offset in it, start here, end here)`` of their pieces."""
    starts = [0, *accumulate(map(len, parts))]
    whole = "".join(parts)
    done = 0
    for border in dict.fromkeys(starts[1:-1]):
        if border < done or not _telling(whole, border):
            continue
        low, high = max(0, border - _AROUND), border + _AROUND
        # Short parts are read together: a number may be cut more than once.
        for later in starts[bisect_right(starts, border) : -1]:
            if later > high or later - border > 8 * _AROUND:
                break
            high = later + _AROUND
        done = high - _AROUND + 1
        pieces = list(_pieces(starts, low, min(high, len(whole))))
        text = whole[low:high]
        yield text, pieces
        middle = border - low
        if text[middle - 1 : middle].isalnum() and text[middle : middle + 1].isalnum():
            yield _spaced(text, pieces)


def _telling(whole: str, border: int) -> bool:
    near = whole[max(0, border - _NEAR) : border + _NEAR]
    return "@" in near or any(map(str.isdigit, near))


def _pieces(starts: Sequence[int], low: int, high: int) -> Iterator[tuple[int, int, int, int]]:
    for part, (start, end) in enumerate(pairwise(starts)):
        first, last = max(start, low), min(end, high)
        if first < last:
            yield part, first - start, first - low, last - low


def _spaced(
    text: str, pieces: Sequence[tuple[int, int, int, int]]
) -> tuple[str, list[tuple[int, int, int, int]]]:
    """With a blank at each border."""
    shifted = [
        (part, offset, start + index, end + index)
        for index, (part, offset, start, end) in enumerate(pieces)
    ]
    return " ".join(text[start:end] for _, _, start, end in pieces), shifted


def _cut(span: Span, pieces: Sequence[tuple[int, int, int, int]]) -> Iterator[tuple[int, Span]]:
    """What each part holds of a value that stands in more than one."""
    if RANK.get(span.entity_type, _WORDS + 1) <= _WORDS:
        return
    held = [piece for piece in pieces if span.start < piece[3] and span.end > piece[2]]
    if len(held) < 2:
        return
    for part, offset, start, end in held:
        low = max(span.start, start) - start + offset
        high = min(span.end, end) - start + offset
        reason = f"{span.reason}, cut"
        yield part, Span(low, high, span.entity_type, span.score, span.detector, reason)
