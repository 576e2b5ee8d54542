"""Rules: a pattern, what it must pass, and what must stand beside it.

A ``RuleRecognizer`` is a Presidio recognizer whose matching is our own: the stock one of patterns
skips a pattern that times out, which would let data pass, and builds an explanation object for
every candidate. Patterns here are written to be linear, so none can time out. They are compiled
when a text first needs them: all of them take most of a second, and most texts need few.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from presidio_analyzer import LocalRecognizer, RecognizerResult

ANY_LANGUAGE: Final = "xx"
CONTEXT_BEFORE: Final = 60
CONTEXT_AFTER: Final = 30
# A context word may begin so far before its window.
CONTEXT_LENGTH: Final = 20
_CLOSE_BEFORE: Final = 30
# What may stand between a finding and a word close behind: `` is a valid ``, `` (``.
_BEHIND: Final = re.compile(r"[\"'”»)\]]?\s?[(\[]?(?:[^\W\d_]{1,9}\s){0,4}")
_NUMBER: Final = re.compile(r"\d(?:[ .-]?\d){4}")
NEARNESS: Final = 0.1
UNLESS_REACH: Final = 48
BETWEEN: Final = "\x00"
_DIGIT: Final = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern of a recognizer.

    Args:
        regex: the finding is the group named ``v``, or the whole match without such a group.
        score: 0..1; the engine's threshold decides.
        check: says whether a candidate is real (checksum, ranges); ``None`` accepts all.
        context: must be found within 60 characters before or 30 after. The nearer it stands, the
            higher the score (by up to ``NEARNESS``), so that of two kinds which fit the same
            digits the one whose word is nearer wins.
        close: for what has no checksum: the word must stand within 30 characters before, no other
            number of five digits and more between, or right behind in the same clause.
        unless: where this is found around the candidate, that is none. It sees ``UNLESS_REACH``
            characters before, ``BETWEEN``, the candidate, ``BETWEEN``, as many characters behind.
    """

    name: str
    regex: str
    score: float
    check: Callable[[str], bool] | None = None
    context: str | None = None
    flags: int = 0
    close: bool = False
    unless: str | None = None


class CompiledRule:
    """A rule ready to run."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._group: int | str = "v" if "(?P<v>" in rule.regex else 0

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.rule.regex, self.rule.flags)

    @cached_property
    def _context(self) -> re.Pattern[str] | None:
        return re.compile(self.rule.context, re.IGNORECASE) if self.rule.context else None

    @cached_property
    def _unless(self) -> re.Pattern[str] | None:
        return re.compile(self.rule.unless, re.IGNORECASE) if self.rule.unless else None

    def findings(self, text: str, matches: Iterable[re.Match[str]]) -> list[tuple[int, int, float]]:
        """``(start, end, score)`` of the matches that pass the rule's check and context."""
        found: list[tuple[int, int, float]] = []
        for match in matches:
            start, end = match.span(self._group)
            if start < 0 or start == end:
                continue
            score = self.confirm(text, start, end)
            if score is not None:
                found.append((start, end, score))
        return found

    def confirm(self, text: str, start: int, end: int) -> float | None:
        """The score of what the pattern matched; ``None`` if its check or its context fails."""
        rule = self.rule
        if rule.check is not None and not rule.check(text[start:end]):
            return None
        if self._unless is not None and self._unless.search(_around(text, start, end)):
            return None
        if self._context is None:
            return rule.score
        distance = _distance(self._context, text, start, end, close=rule.close)
        if distance is None:
            return None
        return min(1.0, rule.score + NEARNESS * (1 - distance / CONTEXT_BEFORE))


def has_digit(text: str) -> bool:
    """The cheapest reason to skip a recognizer of numbers."""
    return _DIGIT.search(text) is not None


def has_any(*needles: str) -> Callable[[str], bool]:
    """A pre-check: one of the literals stands in the text."""
    return lambda text: any(needle in text for needle in needles)


class RuleRecognizer(LocalRecognizer):
    """Finds one entity type by rules.

    Args:
        entity: the entity type.
        rules: tried one after another; findings may overlap.
        wanted: a cheap test that a text can hold a finding at all.
        language: ``ANY_LANGUAGE`` or the language whose wording the rules know.
    """

    def __init__(
        self,
        entity: str,
        rules: Sequence[Rule],
        *,
        wanted: Callable[[str], bool] | None = None,
        language: str = ANY_LANGUAGE,
        name: str | None = None,
        version: str = "1",
    ) -> None:
        super().__init__(
            supported_entities=[entity],
            name=name or entity.lower(),
            supported_language=language,
            version=version,
        )
        self.wanted = wanted or bool
        self.rules = tuple(map(CompiledRule, rules))

    def load(self) -> None:
        """There is nothing to read."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        """Findings of all rules."""
        if not self.wanted(text):
            return []
        entity = self.supported_entities[0]
        return [
            RecognizerResult(entity, start, end, score, recognition_metadata=_metadata(self.name))
            for compiled in self.rules
            for start, end, score in compiled.findings(text, compiled.pattern.finditer(text))
        ]


def _around(text: str, start: int, end: int) -> str:
    before, behind = text[max(0, start - UNLESS_REACH) : start], text[end : end + UNLESS_REACH]
    return f"{before}{BETWEEN}{text[start:end]}{BETWEEN}{behind}"


def _distance(
    context: re.Pattern[str], text: str, start: int, end: int, *, close: bool
) -> int | None:
    """Characters between a finding and the nearest context word; ``None`` without one.

    A word after the finding counts as farther away: labels mostly stand before.
    """
    begin = max(0, start - (_CLOSE_BEFORE if close else CONTEXT_BEFORE))
    # A word may begin before the window, so that its end alone must lie in it.
    ends = [match.end() for match in context.finditer(text, max(0, begin - CONTEXT_LENGTH), start)]
    last = max(ends, default=-1)
    if last < begin or (close and _NUMBER.search(text, last, start)):
        last = -1
    after = context.search(text, end, end + CONTEXT_AFTER + CONTEXT_LENGTH)
    distances = [start - last] if last >= 0 else []
    behind = after.start() - end if after is not None else CONTEXT_AFTER + 1
    if behind <= CONTEXT_AFTER and (not close or _BEHIND.fullmatch(text, end, end + behind)):
        distances.append(behind + CONTEXT_AFTER // 2)
    return min(distances) if distances else None


def _metadata(name: str) -> dict[str, str]:
    return {RecognizerResult.RECOGNIZER_NAME_KEY: name}
