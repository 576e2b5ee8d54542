"""Findings into non-overlapping, trimmed spans."""

from bisect import bisect_right, insort
from collections.abc import Iterable
from typing import Final

from guardrails.pii.entities import RANK
from guardrails.types import Span

_EDGES: Final = " \t\r\n\u00a0\u3000.,;:!?\"'`“”„‘’«»()[]{}<>|*_~=，。；：！？、（）「」【】"
# Their ends carry meaning: a password may end in "!", a telephone number begin with "(".
_UNTRIMMED: Final = frozenset(
    {"PASSWORD", "PRIVATE_KEY", "CONNECTION_STRING", "API_KEY", "JWT", "PHONE_NUMBER"}
)

# A type that only a customer's recognizer finds: they asked for it, so it beats all but secrets.
_OWN_RANK: Final = 93
OWN: Final = "custom:"  # how the detectors of such recognizers are called


# How the reason of a finding ends that stands in the text in some other writing, trimmed there.
DISGUISED: Final = "disguised"


def trim(text: str, span: Span) -> Span | None:
    """``span`` without white space and punctuation at its edges; ``None`` if nothing is left."""
    if span.entity_type in _UNTRIMMED or span.reason.endswith(DISGUISED):
        return span if span.end > span.start else None
    start, end = span.start, span.end
    while start < end and text[start] in _EDGES:
        start += 1
    while end > start and text[end - 1] in _EDGES:
        end -= 1
    if start == end:
        return None
    if (start, end) == (span.start, span.end):
        return span
    return Span(start, end, span.entity_type, span.score, span.detector, span.reason)


def resolve(text: str, spans: Iterable[Span]) -> list[Span]:
    """Trimmed spans, none overlapping, in order; every found character stays covered.

    The longer and higher-ranked finding keeps its range. What a loser covers beyond the
    winner is kept as a finding of its own: dropping it would be a leak.
    """
    trimmed = [done for span in spans if (done := trim(text, span)) is not None]
    trimmed.sort(key=_weight, reverse=True)
    chosen: list[Span] = []  # sorted by start at all times; none overlap
    for span in trimmed:
        for part in _remainders(text, span, chosen):
            insort(chosen, part, key=_start)
    return chosen


def _start(span: Span) -> int:
    return span.start


def _weight(span: Span) -> tuple[int, int, float, int]:
    rank = RANK.get(span.entity_type) or (_OWN_RANK if span.detector.startswith(OWN) else 10)
    # Identifiers beat words outright; among words (addresses, names) the longer one wins.
    return (rank if rank >= 58 else 0, span.end - span.start, span.score, rank)


def _remainders(text: str, span: Span, chosen: list[Span]) -> list[Span]:
    index = bisect_right(chosen, span.start, key=_start)
    if index and chosen[index - 1].end > span.start:
        index -= 1
    pieces: list[tuple[int, int]] = []
    position = span.start
    while index < len(chosen) and chosen[index].start < span.end:
        pieces.append((position, chosen[index].start))
        position = max(position, chosen[index].end)
        index += 1
    if position == span.start:
        return [span]
    pieces.append((position, span.end))
    parts = (
        Span(start, end, span.entity_type, span.score, span.detector, span.reason)
        for start, end in pieces
        if start < end
    )
    kept = (trim(text, part) for part in parts)
    return [part for part in kept if part is not None and part.end - part.start >= 2]
