"""All rules of all recognizers on one text.

``PlainScanner`` runs every rule on the whole text: slow, and what is right by definition.
``RuleScanner`` scans the text once with an automaton and runs a rule only at the places where it
may match; its findings are the same ones in the same order.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from guardrails.pii.recognizers.base import (
    CONTEXT_AFTER,
    CONTEXT_BEFORE,
    CONTEXT_LENGTH,
    RuleRecognizer,
)
from guardrails.pii.scan.alphabet import DIGIT, alphabet
from guardrails.pii.scan.plan import Plan, Target, make_plan
from guardrails.pii.scan.shape import INFINITE

# Rules that look farther than this are rarely worth checking for context words beforehand.
_FAR: Final = 400


@dataclass(frozen=True, slots=True)
class Hit:
    """A finding: the index of the recognizer, its rule's name, ``text[start:end]``."""

    owner: int
    rule: str
    start: int
    end: int
    score: float


class Scanner(Protocol):
    """Finds what the rules of a fixed list of recognizers find."""

    def find(self, text: str, owners: frozenset[int]) -> list[Hit]:
        """Findings of the recognizers with these indices, by rule, then by place."""
        ...


class PlainScanner:
    """Every rule on the whole text."""

    def __init__(self, recognizers: Sequence[RuleRecognizer]) -> None:
        self._recognizers = tuple(recognizers)

    def find(self, text: str, owners: frozenset[int]) -> list[Hit]:
        return [
            Hit(owner, rule.rule.name, start, end, score)
            for owner, recognizer in enumerate(self._recognizers)
            if owner in owners and recognizer.wanted(text)
            for rule in recognizer.rules
            for start, end, score in rule.findings(text, rule.pattern.finditer(text))
        ]


class RuleScanner:
    """Rules only where an automaton says that they may match."""

    def __init__(self, recognizers: Sequence[RuleRecognizer]) -> None:
        self._recognizers = tuple(recognizers)
        self._plan: Plan = make_plan(recognizers)
        self._targets = lru_cache(maxsize=64)(self._select)

    @property
    def plain_rules(self) -> list[str]:
        """Rules that run on every text, since no part of them is rare enough to look for."""
        return [
            f"{self._recognizers[target.owner].name}: {target.rule.rule.name}"
            for target in self._plan.plain
        ]

    def find(self, text: str, owners: frozenset[int]) -> list[Hit]:
        data = alphabet().encode(text)
        digits = alphabet().mark_digits(data)
        reports = self._plan.database.scan(data)
        wanted: dict[int, bool] = {}
        found: list[tuple[int, Hit]] = []
        for target, ends in self._located(reports, owners):
            owner = target.owner
            if wanted.get(owner) is False:
                continue
            words = None if target.context is None else reports[target.context]
            matches = _matches(target, text, data, digits, ends, words)
            if not matches:
                continue
            findings = target.rule.findings(text, matches)
            if findings and owner not in wanted:
                wanted[owner] = self._recognizers[owner].wanted(text)
            if findings and wanted[owner]:
                name = target.rule.rule.name
                found += ((target.order, Hit(owner, name, *finding)) for finding in findings)
        found.sort(key=_order)
        return [hit for _, hit in found]

    def _located(
        self, reports: Mapping[int, list[int]], owners: frozenset[int]
    ) -> list[tuple[Target, list[int]]]:
        """Rules to try, and the ends of their expression; none whose context is absent."""
        targets = self._targets(owners)
        located = [
            (target, ends)
            for number, ends in reports.items()
            if number in targets
            for target in targets[number]
            if target.context is None or target.context in reports
        ]
        located += (
            (target, [])
            for target in self._plan.plain
            if target.owner in owners and (target.context is None or target.context in reports)
        )
        return located

    def _select(self, owners: frozenset[int]) -> dict[int, tuple[Target, ...]]:
        chosen = {
            number: tuple(target for target in targets if target.owner in owners)
            for number, targets in self._plan.targets.items()
        }
        return {number: targets for number, targets in chosen.items() if targets}


def _order(item: tuple[int, Hit]) -> int:
    return item[0]


def _matches(
    target: Target,
    text: str,
    data: bytes,
    digits: bytes,
    ends: list[int],
    words: list[int] | None,
) -> list[re.Match[str]]:
    """What ``finditer`` gives, tried only where the match may start; none far from ``words``."""
    pattern, needed, reach = target.rule.pattern, target.digits, target.reach
    if not ends:
        return list(pattern.finditer(text))
    places: Iterable[tuple[int, int]] = _places(target, ends)
    if words is not None and reach < _FAR:
        places = _places_near(places, words, reach)
    counted = needed and reach < INFINITE
    found: list[re.Match[str]] = []
    position = 0
    for low, high in places:
        if counted and digits.count(DIGIT, low, high + reach) < needed:
            continue
        for likely in target.starts.finditer(data, max(low, position), high + 1):
            start = likely.start()
            if start < position:
                continue
            match = pattern.match(text, start)
            if match is not None:
                position = match.end()
                if words is None or _near(words, match):
                    found.append(match)
    return found


def _places_near(
    places: Iterable[tuple[int, int]], words: list[int], reach: int
) -> Iterator[tuple[int, int]]:
    """Places with a context word about.

    A match takes its characters from later ones, so places that a match can join are dropped
    together or not at all.
    """
    joined: list[tuple[int, int]] = []
    for place in places:
        if joined and place[0] > joined[-1][1] + reach:
            if _any_between(words, joined[0][0], joined[-1][1] + reach):
                yield from joined
            joined = []
        joined.append(place)
    if _any_between(words, joined[0][0], joined[-1][1] + reach):
        yield from joined


def _near(words: list[int], match: re.Match[str]) -> bool:
    return _any_between(words, match.start(), match.end())


def _any_between(words: list[int], start: int, end: int) -> bool:
    """A context word may stand where a rule looks for it around ``text[start:end]``."""
    index = bisect_left(words, start - CONTEXT_BEFORE - CONTEXT_LENGTH)
    return index < len(words) and words[index] <= end + CONTEXT_AFTER


def _places(target: Target, ends: list[int]) -> list[tuple[int, int]]:
    """Ranges of starts, first and last, in order and apart."""
    least, most = target.least, target.most
    if most >= INFINITE:
        return [(0, ends[-1] - least)]
    low, high = max(0, ends[0] - most), ends[0] - least
    if len(ends) == 1:
        return [(low, high)]
    places: list[tuple[int, int]] = []
    for end in ends:
        if end - most > high + 1:
            places.append((low, high))
            low = end - most
        high = end - least
    places.append((low, high))
    return places
