"""Candidates of one text: what all recognizers find, before overlaps are settled.

Rules of our own recognizers run in one scan; any other Presidio recognizer runs as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from guardrails.errors import GuardUnavailable
from guardrails.pii.recognizers.base import ANY_LANGUAGE, RuleRecognizer
from guardrails.pii.scan import BackgroundScanner, Hit, Scanner
from guardrails.pii.spans import DISGUISED, trim
from guardrails.pii.views import View, views
from guardrails.pii.windows import windows
from guardrails.types import Span

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

THRESHOLD: Final = 0.5
# Rules look at this many characters at a time, which bounds their memory; the longest finding, a
# private key, is whole in one of two pieces.
_WINDOW: Final = 160_000
_OVERLAP: Final = 44_000


class Finder:
    """Runs a fixed list of recognizers; for any number of threads.

    Args:
        recognizers: in the order in which their findings are returned.
        scanner: of the rule recognizers among them; ``None`` makes one that is ready at once and
            fast a little later.
    """

    def __init__(
        self, recognizers: Sequence[EntityRecognizer], scanner: Scanner | None = None
    ) -> None:
        self._rules = [
            each for each in recognizers if isinstance(each, RuleRecognizer) and _is_plain(each)
        ]
        self._others = [each for each in recognizers if each not in self._rules]
        self._scanner = BackgroundScanner(self._rules) if scanner is None else scanner
        self._detectors = [_detector(each) for each in self._rules]
        self._owners = lru_cache(maxsize=256)(self._select)

    def wait(self, timeout: float | None = None) -> bool:
        """Until the scanner is fast; ``False`` if it is not after ``timeout`` seconds."""
        return not isinstance(self._scanner, BackgroundScanner) or self._scanner.wait(timeout)

    def find(
        self,
        text: str,
        wanted: frozenset[str],
        languages: frozenset[str],
        extra: Sequence[EntityRecognizer] = (),
    ) -> list[Span]:
        """Findings of at least ``THRESHOLD``, disguised ones too; they may overlap.

        Args:
            wanted: entity types; the recognizers in ``extra`` may find all of theirs.

        Raises:
            GuardUnavailable: a recognizer failed.
        """
        found = self._read(text, wanted, languages, extra)
        for view in _views(text):
            read = self._read(view.text, wanted, languages, extra)
            found += _disguised(text, view, read)
        return found

    def _read(
        self,
        text: str,
        wanted: frozenset[str],
        languages: frozenset[str],
        extra: Sequence[EntityRecognizer],
    ) -> list[Span]:
        found = self._scan(text, self._owners(wanted, languages))
        for recognizer in self._others:
            kinds = wanted.intersection(recognizer.supported_entities)
            if kinds and _speaks(recognizer, languages):
                found += _run(recognizer, text, sorted(kinds))
        for recognizer in extra:
            if _speaks(recognizer, languages):
                found += _run(recognizer, text, recognizer.supported_entities)
        return found

    def _scan(self, text: str, owners: frozenset[int]) -> list[Span]:
        if not owners:
            return []
        found: list[Span] = []
        for low, high in windows(text, _WINDOW, _OVERLAP):
            piece = text[low:high]  # the text itself where it is one piece
            try:
                hits = self._scanner.find(piece, owners)
            except Exception as error:
                raise _unavailable("rules", error) from None
            found += (self._span(hit, low) for hit in hits if hit.score >= THRESHOLD)
        return found

    def _span(self, hit: Hit, low: int) -> Span:
        entity = self._rules[hit.owner].supported_entities[0]
        detector = self._detectors[hit.owner]
        return Span(low + hit.start, low + hit.end, entity, hit.score, detector, hit.rule)

    def _select(self, wanted: frozenset[str], languages: frozenset[str]) -> frozenset[int]:
        return frozenset(
            index
            for index, recognizer in enumerate(self._rules)
            if recognizer.supported_entities[0] in wanted and _speaks(recognizer, languages)
        )


def _is_plain(recognizer: RuleRecognizer) -> bool:
    """It is nothing but its rules; a kind that overrides ``analyze`` is more."""
    return type(recognizer).analyze is RuleRecognizer.analyze


def _speaks(recognizer: EntityRecognizer, languages: Iterable[str]) -> bool:
    return recognizer.supported_language in (ANY_LANGUAGE, *languages)


def _views(text: str) -> Iterator[View]:
    try:
        yield from views(text)
    except Exception as error:
        raise _unavailable("views@1", error) from None


def _disguised(text: str, view: View, spans: Iterable[Span]) -> Iterator[Span]:
    """Findings of a view where they stand in ``text``.

    What reads the same in both was found, or left alone, in its whole context.
    """
    for span in spans:
        trimmed = trim(view.text, span)
        if trimmed is None:
            continue
        start, end = view.back(trimmed.start, trimmed.end)
        if text[start:end] != view.text[trimmed.start : trimmed.end]:
            reason = f"{span.reason}, {DISGUISED}" if span.reason else DISGUISED
            yield Span(start, end, span.entity_type, span.score, span.detector, reason)


def _detector(recognizer: EntityRecognizer) -> str:
    return f"{recognizer.name}@{recognizer.version}"


def _run(recognizer: EntityRecognizer, text: str, kinds: list[str]) -> list[Span]:
    detector = _detector(recognizer)
    try:
        results = recognizer.analyze(text, kinds, None)  # type: ignore[arg-type]
    except Exception as error:
        raise _unavailable(detector, error) from None
    return [
        Span(
            result.start,
            result.end,
            result.entity_type,
            result.score,
            detector,
            (result.recognition_metadata or {}).get("reason", ""),
        )
        for result in results
        if result.score >= THRESHOLD and result.entity_type in kinds
    ]


def _unavailable(detector: str, error: Exception) -> GuardUnavailable:
    """Any failure denies; the cause's own text may quote the prompt, so it is dropped."""
    return GuardUnavailable(
        f"The detector {detector} failed, so the request was not sent on; try again or"
        " contact the operator.",
        detector=detector,
        cause=type(error).__name__,
    )
