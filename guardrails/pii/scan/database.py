"""Byte expressions compiled into automata, and one scan that reports where each of them ends.

It knows no rule. Hyperscan releases the GIL while it scans and takes it back for every report,
so expressions should be rare. Scratch memory belongs to one scan at a time: it is lent from a
pool, which grows to the number of threads that scan at once.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from threading import Lock
from typing import Any

import hyperscan

from guardrails.pii.scan.store import load_or_compile


class Database:
    """Expressions of bytes; immutable, for any number of threads.

    Args:
        groups: the numbered expressions of each automaton.
        once: report the first end of an expression only.
    """

    def __init__(self, groups: Sequence[Sequence[tuple[int, str]]], *, once: bool = False) -> None:
        flags = hyperscan.HS_FLAG_DOTALL | (hyperscan.HS_FLAG_SINGLEMATCH if once else 0)
        self.expressions = 1 + max((number for group in groups for number, _ in group), default=-1)
        self._automata = _automata([group for group in groups if group], flags)
        self._pools: list[list[Any]] = [[] for _ in self._automata]
        self._lock = Lock()

    def scan(self, data: bytes) -> dict[int, list[int]]:
        """Expression's number -> where it ends, in order."""
        found: defaultdict[int, list[int]] = defaultdict(list)

        def add(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found[number].append(end)

        self.report(data, add)
        for ends in found.values():
            if len(ends) > 1:
                ends.sort()
        return found

    def report(self, data: bytes, add: Callable[[int, int, int, int, object], None]) -> None:
        """``add(number, 0, end, 0, None)`` for every end, automaton after automaton."""
        for automaton, pool in zip(self._automata, self._pools, strict=True):
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
