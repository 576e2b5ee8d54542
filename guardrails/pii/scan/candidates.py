"""Where rules may match, by what the automata report.

``PythonCandidates`` looks at the characters around a report; ``NativeCandidates`` also runs a
program of each rule there (``_native.c``), so that few of its places match nothing. Both name
every place at which a rule's attempt can succeed.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from guardrails.pii.recognizers.base import CONTEXT_AFTER, CONTEXT_BEFORE, CONTEXT_LENGTH
from guardrails.pii.scan.alphabet import DIGIT, alphabet
from guardrails.pii.scan.plan import Plan, Target
from guardrails.pii.scan.program import native_programs
from guardrails.pii.scan.shape import INFINITE

if TYPE_CHECKING:
    from guardrails.pii.scan._native import Programs

# Rules that look farther than this are rarely worth checking for context words beforehand.
FAR: Final = 400


class Candidate(NamedTuple):
    """Where one rule may match.

    Args:
        starts: places in order; ``None`` for anywhere.
        words: where context words may end, in order; ``None`` where none is needed.
    """

    target: Target
    starts: Iterable[int] | None
    words: Sequence[int] | None


class Candidates(Protocol):
    def find(self, text: str, owners: frozenset[int]) -> Iterable[Candidate]:
        """Of the rules of these recognizers; none whose context is absent."""
        ...


def candidates(plan: Plan, *, native: bool = True) -> Candidates:
    """In C where that was built."""
    programs = native_programs(plan, FAR) if native else None
    return PythonCandidates(plan) if programs is None else NativeCandidates(plan, programs)


class NativeCandidates:
    def __init__(self, plan: Plan, programs: "Programs") -> None:
        from guardrails.pii.scan._native import Reports

        self._plan = plan
        self.programs = programs
        self.new_reports = Reports
        self._targets = [target for _, target in plan.numbered()]
        self._chosen = lru_cache(maxsize=64)(self._select)

    def find(self, text: str, owners: frozenset[int]) -> Iterator[Candidate]:
        data = alphabet().encode(text)
        reports = self.new_reports()
        self._plan.database.report(data, reports)
        for number, starts in self.programs.candidates(data, reports, self._chosen(owners)):
            target = self._targets[number]
            words = None if target.context is None else reports.ends(target.context)
            yield Candidate(target, starts, words)
        for target in self._plan.plain:
            words = None if target.context is None else reports.ends(target.context)
            if target.owner in owners and words != []:
                yield Candidate(target, None, words)

    def _select(self, owners: frozenset[int]) -> bytes:
        return bytes(target.owner in owners for target in self._targets)


class PythonCandidates:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._chosen = lru_cache(maxsize=64)(self._select)

    def find(self, text: str, owners: frozenset[int]) -> Iterator[Candidate]:
        data = alphabet().encode(text)
        digits = alphabet().mark_digits(data)
        reports = self._plan.database.scan(data)
        for target, ends in self._located(reports, owners):
            words = None if target.context is None else reports[target.context]
            starts = _starts(target, data, digits, ends, words) if ends else None
            yield Candidate(target, starts, words)

    def _located(
        self, reports: Mapping[int, list[int]], owners: frozenset[int]
    ) -> Iterator[tuple[Target, list[int]]]:
        """Rules to try, and the ends of their expression; none whose context is absent."""
        chosen = self._chosen(owners)
        located = (
            (target, ends)
            for number, ends in reports.items()
            if number in chosen
            for target in chosen[number]
        )
        plain: Iterable[tuple[Target, list[int]]] = (
            (target, []) for target in self._plan.plain if target.owner in owners
        )
        for target, ends in chain(located, plain):
            if target.context is None or target.context in reports:
                yield target, ends

    def _select(self, owners: frozenset[int]) -> dict[int, tuple[Target, ...]]:
        chosen = {
            number: tuple(target for target in targets if target.owner in owners)
            for number, targets in self._plan.targets.items()
        }
        return {number: targets for number, targets in chosen.items() if targets}


def any_between(words: Sequence[int], start: int, end: int) -> bool:
    """A context word may stand where a rule looks for it around ``text[start:end]``."""
    index = bisect_left(words, start - CONTEXT_BEFORE - CONTEXT_LENGTH)
    return index < len(words) and words[index] <= end + CONTEXT_AFTER


def _starts(
    target: Target, data: bytes, digits: bytes, ends: list[int], words: list[int] | None
) -> Iterator[int]:
    """Places where an attempt is worth it; none far from ``words``."""
    needed, reach = target.digits, target.reach
    places: Iterable[tuple[int, int]] = _places(target, ends)
    if words is not None and reach < FAR:
        places = _places_near(places, words, reach)
    counted = needed and reach < INFINITE
    likely = _compiled(target.start)
    for low, high in places:
        if counted and digits.count(DIGIT, low, high + reach) < needed:
            continue
        for match in likely.finditer(data, low, high + 1):
            yield match.start()


@cache
def _compiled(expression: str) -> re.Pattern[bytes]:
    return re.compile(expression.encode("latin-1"), re.DOTALL)


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
            if any_between(words, joined[0][0], joined[-1][1] + reach):
                yield from joined
            joined = []
        joined.append(place)
    if any_between(words, joined[0][0], joined[-1][1] + reach):
        yield from joined


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
