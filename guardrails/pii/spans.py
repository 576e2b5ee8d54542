"""Findings into non-overlapping, trimmed spans."""

from collections.abc import Iterable
from typing import Final

from guardrails.pii.entities import RANK
from guardrails.types import Span

_EDGES: Final = " \t\r\n\u00a0\u3000.,;:!?\"'`“”„‘’«»()[]{}<>|*_~=，。；：！？、（）「」【】"
# Their ends carry meaning: a password may end in "!", a key block in dashes, a URL in "/".
_UNTRIMMED: Final = frozenset({"PASSWORD", "PRIVATE_KEY", "CONNECTION_STRING", "API_KEY", "JWT"})


def trim(text: str, span: Span) -> Span | None:
    """``span`` without white space and punctuation at its edges; ``None`` if nothing is left."""
    if span.entity_type in _UNTRIMMED:
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
    return Span(start, end, span.entity_type, span.score, span.detector)


def resolve(text: str, spans: Iterable[Span]) -> list[Span]:
    """Trimmed spans, none overlapping, in order; every found character stays covered.

    The longer and higher-ranked finding keeps its range. What a loser covers beyond the
    winner is kept as a finding of its own: dropping it would be a leak.
    """
    trimmed = [done for span in spans if (done := trim(text, span)) is not None]
    trimmed.sort(key=_weight, reverse=True)
    chosen: list[Span] = []
    for span in trimmed:
        chosen.extend(_remainders(text, span, chosen))
    chosen.sort(key=lambda span: span.start)
    return chosen


def _weight(span: Span) -> tuple[int, int, float, int]:
    rank = RANK.get(span.entity_type, 10)
    # Identifiers beat words outright; among words (addresses, names) the longer one wins.
    return (rank if rank >= 58 else 0, span.end - span.start, span.score, rank)


def _remainders(text: str, span: Span, chosen: list[Span]) -> list[Span]:
    pieces = [(span.start, span.end)]
    for winner in chosen:
        pieces = [
            piece
            for start, end in pieces
            for piece in ((start, min(end, winner.start)), (max(start, winner.end), end))
            if piece[0] < piece[1]
        ]
        if not pieces:
            return []
    if pieces == [(span.start, span.end)]:
        return [span]
    parts = (Span(start, end, span.entity_type, span.score, span.detector) for start, end in pieces)
    kept = (trim(text, part) for part in parts)
    return [part for part in kept if part is not None and part.end - part.start >= 2]
