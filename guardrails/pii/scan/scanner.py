"""All rules of all recognizers on one text.

``PlainScanner`` runs every rule on the whole text: slow, and what is right by definition.
``RuleScanner`` scans the text once with an automaton and runs a rule only at the places where it
may match; its findings are the same ones in the same order.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from guardrails.pii.recognizers.base import RuleRecognizer
from guardrails.pii.scan.candidates import Candidate, NativeCandidates, any_between, candidates
from guardrails.pii.scan.plan import Plan, make_plan


class Hit(NamedTuple):
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
    """Rules only where an automaton says that they may match.

    Args:
        native: with the programs in C, if they were built.
    """

    def __init__(self, recognizers: Sequence[RuleRecognizer], *, native: bool = True) -> None:
        self._recognizers = tuple(recognizers)
        self._plan: Plan = make_plan(recognizers)
        self._candidates = candidates(self._plan, native=native)

    @property
    def is_native(self) -> bool:
        return isinstance(self._candidates, NativeCandidates)

    @property
    def plain_rules(self) -> list[str]:
        """Rules that run on every text, since no part of them is rare enough to look for."""
        return [
            f"{self._recognizers[target.owner].name}: {target.rule.rule.name}"
            for target in self._plan.plain
        ]

    def find(self, text: str, owners: frozenset[int]) -> list[Hit]:
        wanted: dict[int, bool] = {}
        found: list[tuple[int, Hit]] = []
        for candidate in self._candidates.find(text, owners):
            target = candidate.target
            owner = target.owner
            if wanted.get(owner) is False:
                continue
            matches = _matches(candidate, text)
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


def _order(item: tuple[int, Hit]) -> int:
    return item[0]


def _matches(candidate: Candidate, text: str) -> list[re.Match[str]]:
    """What ``finditer`` gives, tried only where the match may start; none far from words."""
    target, starts, words = candidate
    pattern = target.rule.pattern
    if starts is None:
        return list(pattern.finditer(text))
    found: list[re.Match[str]] = []
    position = 0
    for start in starts:
        if start < position:
            continue
        match = pattern.match(text, start)
        if match is not None:
            position = match.end()
            if words is None or any_between(words, match.start(), position):
                found.append(match)
    return found
