"""What the tagger learns from: texts with spans, and what a source leaves unsaid.

A source annotates some kinds only: GermEval knows no dates, so a token that it leaves blank is
"none, or a kind that GermEval does not know". The loss takes such a set for a target.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

KINDS: Final = (
    "PERSON",
    "LOCATION",
    "ORGANIZATION",
    "STREET_ADDRESS",
    "DATE_TIME",
    "TITLE",
    "AGE",
    "NRP",
)
"""NRP: nationality, religion or political group, as Presidio calls it; TITLE: of a person."""
LABELS: Final = ("O", *(f"{part}-{kind}" for kind in KINDS for part in "BI"))
NAMES: Final = frozenset({"PERSON", "LOCATION", "ORGANIZATION"})
ALL: Final = frozenset(KINDS)
UNKNOWN: Final = "?"
"""The kind of a span of which the source cannot say what it is."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """``text[start:end]`` is of a kind."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Example:
    """A text with all spans of the kinds that its source annotates.

    Args:
        spans: sorted, none overlapping; of a kind in ``annotated``, or ``UNKNOWN``.
        annotated: the kinds of which the source marks every occurrence.
        group: examples of one group never stand on both sides of a hold-out.
        weight: of each of its tokens in the loss.
    """

    text: str
    spans: tuple[Labelled, ...]
    annotated: frozenset[str]
    source: str
    lang: str
    group: str = ""
    weight: float = 1.0

    def reweighted(self, weight: float) -> "Example":
        return replace(self, weight=weight)


def tidy(spans: Iterable[Labelled]) -> tuple[Labelled, ...]:
    """Sorted, empty ones and the later of two overlapping ones dropped."""
    kept: list[Labelled] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if span.start < span.end and (not kept or kept[-1].end <= span.start):
            kept.append(span)
    return tuple(kept)
