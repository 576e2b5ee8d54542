"""Expressions of bytes as places of an automaton: the tables that ``_native.LazyDfa`` reads.

Glushkov's construction (1961): a place for each character of an expression, and behind each place
those that may follow it. It knows the expressions that ``factor.py`` and ``views/triggers.py``
write, no more; what it does not know stays Hyperscan's. Making the tables of all rules takes a
second of a core, so they are kept between starts (``store``).
"""

import re
import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from guardrails.pii.scan import store
from guardrails.pii.scan.alphabet import ALL, bits

if TYPE_CHECKING:
    from guardrails.pii.scan._native import LazyDfa

_parser: Final[Any] = import_module("re._parser")
_constants: Final[Any] = import_module("re._constants")
_KIND: Final = "places"
_AT_END: Final = 0xFFFF  # as in _lazy_dfa.h
_BEGIN, _END = -1, -2  # instead of a set of bytes
# Of one automaton: some two megabytes where all of them are made.
_MOST_STATES: Final = 4_096


class Unknown(Exception):
    """An expression holds something that this module does not know."""


class Tables(msgspec.Struct, frozen=True, array_like=True):
    """Arrays in this machine's byte order.

    Args:
        kinds: (256,) kind of each byte; bytes of one kind are alike to all expressions.
        classes: (n, 32) bits over kinds.
        class_of: uint16 of each place; ``_AT_END`` where the text must end.
        next_first, next: uint32: ``next[next_first[p]:next_first[p + 1]]`` follow place ``p``.
        ends_of: int32 expression that is whole with a place, or -1.
        begins: uint32 places that may come first; ``initial``: those that come first where the
            text begins.
        expressions: one more than their largest number.
    """

    kinds: bytes
    classes: bytes
    class_of: bytes
    next_first: bytes
    next: bytes
    ends_of: bytes
    begins: bytes
    initial: bytes
    expressions: int


def lazy_dfa(group: Sequence[tuple[int, str]]) -> "LazyDfa | None":
    """One automaton of numbered expressions; ``None`` where C was not built or knows too little."""
    try:
        from guardrails.pii.scan._native import LazyDfa
    except ImportError:  # no C compiler where the package was installed
        return None
    try:
        tables = _kept_tables(group)
    except Unknown:
        return None
    return LazyDfa(*msgspec.structs.astuple(tables), states=_MOST_STATES)


def _kept_tables(group: Sequence[tuple[int, str]]) -> Tables:
    digest = store.digest_of(repr((tuple(group), sys.byteorder)), Path(__file__))
    return store.kept_or_made(_KIND, digest, Tables, lambda: tables_of(group))


def tables_of(group: Sequence[tuple[int, str]]) -> Tables:
    """Read every expression.

    Raises:
        Unknown: one of them cannot be read.
    """
    places = _Places()
    begins: set[int] = set()
    ends: dict[int, int] = {}
    for number, expression in group:
        part = places.read(_parser.parse(expression.encode("latin-1"), re.DOTALL))
        if part.empty:
            raise Unknown("an expression matches the empty text")
        begins |= part.first
        ends.update(dict.fromkeys(part.last, number))
    return _tables(places, begins, ends, 1 + max(number for number, _ in group))


def _tables(places: "_Places", begins: set[int], ends: dict[int, int], expressions: int) -> Tables:
    masks = sorted({mask for mask in places.masks if mask >= 0})
    kinds, members = _kinds(masks)
    numbers = {mask: number for number, mask in enumerate(masks)} | {_END: _AT_END, _BEGIN: _AT_END}
    # The begin of a text is no place to be: who may come behind it is there from the start.
    at_begin = {place for place in begins if places.masks[place] == _BEGIN}
    initial = {place for begin in at_begin for place in places.following[begin]}
    if any(places.masks[place] == _BEGIN for place in initial):
        raise Unknown("an expression begins twice")
    if any(places.masks[place] == _END for place in begins):
        raise Unknown("an expression begins with an end")
    first, following = array("I", [0]), array("I")
    for behind in places.following:
        following.extend(sorted(behind))
        first.append(len(following))
    return Tables(
        kinds,
        b"".join(
            bits(kind for kind, byte in enumerate(members) if mask >> byte & 1).to_bytes(
                32, "little"
            )
            for mask in masks
        ),
        array("H", [numbers[mask] for mask in places.masks]).tobytes(),
        first.tobytes(),
        following.tobytes(),
        array(
            "i", [-1 if m == _BEGIN else ends.get(p, -1) for p, m in enumerate(places.masks)]
        ).tobytes(),
        array("I", sorted(begins - at_begin)).tobytes(),
        array("I", sorted(initial)).tobytes(),
        expressions,
    )


def _kinds(masks: Sequence[int]) -> tuple[bytes, list[int]]:
    """The kind of each byte, and one byte of each kind."""
    seen: dict[tuple[int, ...], int] = {}
    kinds, members = bytearray(256), list[int]()
    for byte in range(256):
        told = tuple(mask >> byte & 1 for mask in masks)
        if told not in seen:
            seen[told] = len(seen)
            members.append(byte)
        kinds[byte] = seen[told]
    return bytes(kinds), members


class _Part(NamedTuple):
    """Part of an expression: whether it may be nothing, its first and its last places."""

    empty: bool
    first: set[int]
    last: set[int]


class _Places:
    """Collects places.

    Attributes:
        masks: the bytes of each, or ``_BEGIN`` or ``_END``.
        following: which may come behind each.
    """

    def __init__(self) -> None:
        self.masks: list[int] = []
        self.following: list[set[int]] = []

    def read(self, items: Iterable[tuple[Any, Any]], *, ignore_case: bool = False) -> _Part:
        """Add what sre's parse tree says."""
        return self._sequence(
            [lambda op=op, said=said: self._item(op, said, ignore_case) for op, said in items]
        )

    def _sequence(self, parts: Iterable[Callable[[], _Part]]) -> _Part:
        empty, first, last = True, set[int](), set[int]()
        for make in parts:
            part = make()
            self._join(last, part.first)
            if empty:
                first |= part.first
            last = last | part.last if part.empty else part.last
            empty = empty and part.empty
        return _Part(empty, first, last)

    def _item(self, op: Any, said: Any, ignore_case: bool) -> _Part:
        match op:
            case _constants.LITERAL:
                return self._place(_cased(1 << said, ignore_case))
            case _constants.NOT_LITERAL:
                return self._place(ALL & ~_cased(1 << said, ignore_case))
            case _constants.ANY:
                return self._place(ALL)
            case _constants.IN:
                return self._place(_class(said, ignore_case))
            case _constants.AT if said in (_constants.AT_BEGINNING, _constants.AT_END):
                return self._place(_BEGIN if said is _constants.AT_BEGINNING else _END)
            case _constants.SUBPATTERN:
                inner = ignore_case or bool(said[1] & re.IGNORECASE)
                return self.read(said[3], ignore_case=inner)
            case _constants.BRANCH:
                return self._choice(said[1], ignore_case)
            case _constants.MAX_REPEAT:
                low, high, items = said
                return self._repeated(low, high, items, ignore_case)
            case _:
                raise Unknown(str(op))

    def _place(self, mask: int) -> _Part:
        self.masks.append(mask)
        self.following.append(set())
        alone = {len(self.masks) - 1}
        return _Part(False, alone, set(alone))

    def _choice(self, branches: Iterable[Any], ignore_case: bool) -> _Part:
        parts = [self.read(branch, ignore_case=ignore_case) for branch in branches]
        return _Part(
            any(part.empty for part in parts),
            set().union(*(part.first for part in parts)),
            set().union(*(part.last for part in parts)),
        )

    def _repeated(self, low: int, high: Any, items: Any, ignore_case: bool) -> _Part:
        def once() -> _Part:
            return self.read(items, ignore_case=ignore_case)

        def perhaps() -> _Part:
            return once()._replace(empty=True)

        def often() -> _Part:
            part = perhaps()
            self._join(part.last, part.first)
            return part

        more = [often] if high is _constants.MAXREPEAT else [perhaps] * (high - low)
        return self._sequence([once] * low + more)

    def _join(self, before: Iterable[int], behind: set[int]) -> None:
        for place in before:
            self.following[place] |= behind


def _class(items: Iterable[tuple[Any, Any]], ignore_case: bool) -> int:
    mask, negated = 0, False
    for op, said in items:
        match op:
            case _constants.NEGATE:
                negated = True
            case _constants.LITERAL:
                mask |= 1 << said
            case _constants.RANGE:
                mask |= bits(range(said[0], said[1] + 1))
            case _:
                raise Unknown(str(op))
    mask = _cased(mask, ignore_case)
    return ALL & ~mask if negated else mask


def _cased(mask: int, ignore_case: bool) -> int:
    """With the other case of its ASCII letters, if told so."""
    if not ignore_case:
        return mask
    letters = [byte for byte in (*range(65, 91), *range(97, 123)) if mask >> byte & 1]
    return mask | bits(byte ^ 32 for byte in letters)
