"""Byte expressions compiled into automata, and one scan that reports where each of them ends.

It knows no rule. Where C was built a group's lazy automaton reads a text first: of what it has
read before it needs a tenth of Hyperscan's time, whose megabytes seldom are in the processor's
caches. What leads it to too many new states, and all where C was not built, is Hyperscan's.

Hyperscan releases the GIL while it scans and takes it back for every report, so expressions should
be rare. Scratch memory belongs to one scan at a time: it is lent from a pool, which grows to the
number of threads that scan at once.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from threading import Lock
from typing import TYPE_CHECKING, Any

import hyperscan

from guardrails.pii.scan.places import lazy_dfa
from guardrails.pii.scan.store import load_or_compile

if TYPE_CHECKING:
    from guardrails.pii.scan._native import Reports


class Database:
    """Expressions of bytes; immutable, for any number of threads.

    Args:
        groups: the numbered expressions of each automaton.
        once: report the first end of an expression only.
    """

    def __init__(self, groups: Sequence[Sequence[tuple[int, str]]], *, once: bool = False) -> None:
        flags = hyperscan.HS_FLAG_DOTALL | (hyperscan.HS_FLAG_SINGLEMATCH if once else 0)
        self.expressions = 1 + max((number for group in groups for number, _ in group), default=-1)
        groups = [group for group in groups if group]
        self._automata = _automata(groups, flags)
        self._pools: list[list[Any]] = [[] for _ in groups]
        lazy = [lazy_dfa(group) for group in groups]
        self._lazy = tuple(each for each in lazy if each is not None)
        self._of_lazy = [index for index, each in enumerate(lazy) if each is not None]
        self._of_none = [index for index, each in enumerate(lazy) if each is None]
        self._lock = Lock()

    def scan(self, data: bytes) -> dict[int, list[int]]:
        """Expression's number -> where it ends, in order; by Hyperscan alone."""
        found: defaultdict[int, list[int]] = defaultdict(list)

        def add(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found[number].append(end)

        for index in range(len(self._automata)):
            self._scan(index, data, add)
        for ends in found.values():
            if len(ends) > 1:
                ends.sort()
        return found

    def report(self, data: bytes, reports: "Reports") -> None:
        """Add where every expression ends."""
        left = self._of_none
        if self._lazy:
            from guardrails.pii.scan._native import report

            given_up = report(self._lazy, data, reports)
            if given_up:
                left = [*left, *(self._of_lazy[number] for number in given_up)]
        for index in left:
            self._scan(index, data, reports.add)

    def numbers(self, data: bytes) -> frozenset[int]:
        """The expressions that end anywhere."""
        if not self._lazy:
            return frozenset(self.scan(data))
        from guardrails.pii.scan._native import Reports

        reports = Reports()
        self.report(data, reports)
        return reports.numbers()

    def _scan(
        self, index: int, data: bytes, add: Callable[[int, int, int, int, object], None]
    ) -> None:
        automaton, pool = self._automata[index], self._pools[index]
        scratch = self._lend(automaton, pool)
        automaton.scan(data, match_event_handler=add, scratch=scratch)
        pool.append(scratch)

    def _lend(self, automaton: Any, pool: list[Any]) -> Any:
        try:
            return pool.pop()
        except IndexError:
            with self._lock:
                return automaton.scratch.clone()


def _automata(groups: Sequence[Sequence[tuple[int, str]]], flags: int) -> list[Any]:
    """On all cores: Hyperscan compiles without the GIL, for seconds."""
    load = partial(load_or_compile, flags=flags)
    if len(groups) < 2:
        return list(map(load, groups))
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="automata") as pool:
        return list(pool.map(load, groups))


@lru_cache(maxsize=4)
def database(groups: tuple[tuple[tuple[int, str], ...], ...]) -> Database:
    """The same expressions are compiled once per process."""
    return Database(groups)
