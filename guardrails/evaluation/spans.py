"""Score findings against labelled spans: by overlap with types, per character, and strictly.

It knows label names and offsets, not how findings came about.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from guardrails.evaluation.labels import kinds_of
from guardrails.types import Span

# Foreign label -> the entity types of ours that count as found. A label that stands alone maps
# to itself; one that maps to nothing is a kind that we do not look for, and counts as missed.
LABELS: Final[dict[str, tuple[str, ...]]] = {
    "PER": ("PERSON",),
    "PERSON": ("PERSON",),
    "NAME": ("PERSON",),
    "FIRST_NAME": ("PERSON",),
    "LAST_NAME": ("PERSON",),
    "PREFIX": ("TITLE", "PERSON"),
    "USERNAME": ("PERSON", "EMAIL_ADDRESS"),
    "LOC": ("LOCATION", "STREET_ADDRESS"),
    "LOCATION": ("LOCATION", "STREET_ADDRESS"),
    "GPE": ("LOCATION", "STREET_ADDRESS"),
    "CITY": ("LOCATION", "STREET_ADDRESS"),
    "COUNTRY": ("LOCATION", "STREET_ADDRESS"),
    "ADDRESS": ("STREET_ADDRESS", "LOCATION"),
    "STREET_ADDRESS": ("STREET_ADDRESS", "LOCATION"),
    "ZIP_CODE": ("STREET_ADDRESS", "LOCATION"),
    "ORG": ("ORGANIZATION",),
    "ORGANIZATION": ("ORGANIZATION",),
    "COMPANY": ("ORGANIZATION",),
    "EMAIL": ("EMAIL_ADDRESS",),
    "PHONE": ("PHONE_NUMBER",),
    "IBAN": ("IBAN_CODE",),
    "SWIFT": ("BIC",),
    "SSN": ("US_SSN",),
    "CREDIT_CARD_NUMBER": ("CREDIT_CARD",),
    "DOMAIN_NAME": ("URL", "EMAIL_ADDRESS"),
    "URL": ("URL", "CONNECTION_STRING"),
    "DATE_TIME": ("DATE_TIME", "DATE_OF_BIRTH"),
    "DATE": ("DATE_TIME", "DATE_OF_BIRTH"),
    "DATE_OF_BIRTH": ("DATE_OF_BIRTH",),
    "DRIVER_LICENSE": ("US_DRIVER_LICENSE",),
    "IP": ("IP_ADDRESS",),
    "SECRET": ("API_KEY", "PASSWORD", "JWT", "PRIVATE_KEY", "CONNECTION_STRING"),
    "TITLE": ("TITLE",),
    "NRP": ("NRP", "LOCATION"),
    "NORP": ("NRP", "LOCATION"),
    "NATIONALITY": ("NRP", "LOCATION"),
}


def types_of(label: str) -> tuple[str, ...]:
    """The entity types that answer to a label."""
    return LABELS.get(label.upper()) or kinds_of(label)


@dataclass(slots=True)
class _Tally:
    gold: int = 0
    found: int = 0
    given: int = 0
    right: int = 0

    def scores(self) -> dict[str, float | int]:
        recall = self.found / self.gold if self.gold else 0.0
        precision = self.right / self.given if self.given else 0.0
        return {
            "precision": round(precision, 4),
            "recall": round(recall, 4),
            "f1": round(_f(precision, recall, 1.0), 4),
            "f2": round(_f(precision, recall, 2.0), 4),
        }


@dataclass(slots=True)
class SpanScores:
    """Counts over texts; ``result`` gives the figures."""

    texts: int = 0
    _overlap: _Tally = field(default_factory=_Tally)
    _strict: _Tally = field(default_factory=_Tally)
    _characters: _Tally = field(default_factory=_Tally)
    _labels: Counter[str] = field(default_factory=Counter)
    _labels_found: Counter[str] = field(default_factory=Counter)
    _types: Counter[str] = field(default_factory=Counter)
    _types_right: Counter[str] = field(default_factory=Counter)

    def add(self, gold: Sequence[dict[str, Any]], given: Sequence[Span]) -> None:
        """Count one text. ``gold``: objects with ``start``, ``end``, ``label``."""
        self.texts += 1
        for wanted in gold:
            found = any(_overlaps(wanted, span) and _matches(wanted, span) for span in given)
            exact = any(_exact(wanted, span) for span in given)
            self._overlap.gold += 1
            self._overlap.found += found
            self._strict.gold += 1
            self._strict.found += exact
            self._labels[wanted["label"]] += 1
            self._labels_found[wanted["label"]] += found
        for span in given:
            right = any(_overlaps(wanted, span) and _matches(wanted, span) for wanted in gold)
            self._overlap.given += 1
            self._overlap.right += right
            self._strict.given += 1
            self._strict.right += any(_exact(wanted, span) for wanted in gold)
            self._types[span.entity_type] += 1
            self._types_right[span.entity_type] += right
        self._add_characters(gold, given)

    def result(self) -> dict[str, Any]:
        """The figures, JSON-able."""
        characters = self._characters.scores()
        return {
            "n": self.texts,
            "spans": {"gold": self._overlap.gold, "found": self._overlap.given},
            **self._overlap.scores(),
            "untyped_recall": characters["recall"],
            "untyped_precision": characters["precision"],
            "untyped_f2": characters["f2"],
            "strict": self._strict.scores(),
            "per_label": {
                label: {
                    "n": count,
                    "recall": round(self._labels_found[label] / count, 4),
                    "counted_as": list(types_of(label)),
                }
                for label, count in sorted(self._labels.items())
            },
            "per_type": {
                kind: {"n": count, "precision": round(self._types_right[kind] / count, 4)}
                for kind, count in sorted(self._types.items())
            },
            "label_map": {label: list(types_of(label)) for label in sorted(self._labels)},
        }

    def _add_characters(self, gold: Sequence[dict[str, Any]], given: Sequence[Span]) -> None:
        wanted = _characters((one["start"], one["end"]) for one in gold)
        covered = _characters((span.start, span.end) for span in given)
        both = len(wanted & covered)
        self._characters.gold += len(wanted)
        self._characters.found += both
        self._characters.given += len(covered)
        self._characters.right += both


def _characters(ranges: Iterable[tuple[int, int]]) -> set[int]:
    return {position for start, end in ranges for position in range(start, end)}


def _overlaps(wanted: dict[str, Any], span: Span) -> bool:
    return span.start < wanted["end"] and wanted["start"] < span.end


def _matches(wanted: dict[str, Any], span: Span) -> bool:
    return span.entity_type in types_of(wanted["label"])


def _exact(wanted: dict[str, Any], span: Span) -> bool:
    same = (span.start, span.end) == (wanted["start"], wanted["end"])
    return same and _matches(wanted, span)


def _f(precision: float, recall: float, beta: float) -> float:
    weight = beta * beta
    below = weight * precision + recall
    return (1 + weight) * precision * recall / below if below else 0.0
