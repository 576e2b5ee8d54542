"""A Python regular expression as a tree of cells that accepts at least what it accepts.

It knows sre's parse tree; it does not know which part of a pattern is worth looking for.
Back-references become "anything", look-arounds become guards on one neighbour or vanish: every
approximation accepts more, never less.
"""

import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, TypeAlias

import msgspec

from guardrails.pii.scan.alphabet import ALL, EVERYTHING, NOTHING, Alphabet, Cells

_parser: Final[Any] = import_module("re._parser")
INFINITE: Final = 1 << 30
_CATEGORIES: Final = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}


class Unsupported(Exception):
    """The pattern cannot be approximated; it runs plainly."""


class Chars(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """One character of these cells."""

    mask: int


class Guard(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """No character: the neighbour is of these cells, or, with ``edge``, there is none."""

    mask: int
    edge: bool
    before: bool


class Ahead(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """No character, but ``child`` follows."""

    child: "Node"


class Seq(msgspec.Struct, frozen=True, tag=True, array_like=True):
    items: tuple["Node", ...]


class Alt(msgspec.Struct, frozen=True, tag=True, array_like=True):
    branches: tuple["Node", ...]


class Rep(msgspec.Struct, frozen=True, tag=True, array_like=True):
    child: "Node"
    low: int
    high: int


Node: TypeAlias = Chars | Guard | Ahead | Seq | Alt | Rep
EMPTY: Final = Seq(())
_ANYTHING: Final = Rep(Chars(ALL), 0, INFINITE)


def shape(pattern: str, flags: int, alphabet: Alphabet) -> tuple[Node, int]:
    """The tree of ``pattern`` and how many characters from its start an attempt may look at.

    The second is ``INFINITE`` where nothing bounds it.

    Raises:
        Unsupported: the pattern uses what has no safe approximation.
    """
    parsed = _parser.parse(pattern, flags)
    return _Reader(alphabet).sequence(parsed, parsed.state.flags), reach(parsed)


def width(node: Node) -> tuple[int, int]:
    """Least and greatest number of characters consumed."""
    match node:
        case Chars():
            return 1, 1
        case Guard() | Ahead():
            return 0, 0
        case Seq(items):
            widths = [width(item) for item in items]
            return sum(w[0] for w in widths), min(INFINITE, sum(w[1] for w in widths))
        case Alt(branches):
            widths = [width(branch) for branch in branches]
            return min(w[0] for w in widths), max(w[1] for w in widths)
        case Rep(child, low, high):
            least, most = width(child)
            return least * low, min(INFINITE, most * high)


def reach(parsed: Sequence[tuple[Any, Any]]) -> int:
    """Characters that an attempt may look at, look-aheads included."""
    position = furthest = 0
    for operation, argument in parsed:
        name = str(operation)
        if name in ("ASSERT", "ASSERT_NOT"):
            direction, child = argument
            seen = reach(child) if direction > 0 else 0
            furthest = max(furthest, position + seen)
            continue
        position += _extent(name, argument)
        furthest = max(furthest, position)
        if furthest >= INFINITE:
            return INFINITE
    return furthest


def _extent(name: str, argument: Any) -> int:
    if name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
        return 1
    if name == "AT":
        return 1  # a word boundary and "$" look at the next character; counted once too often
    if name == "SUBPATTERN":
        return reach(argument[3])
    if name == "ATOMIC_GROUP":
        return reach(argument)
    if name == "BRANCH":
        return max(reach(branch) for branch in argument[1])
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        _, high, child = argument
        return min(INFINITE, int(high) * reach(child)) if int(high) < INFINITE else INFINITE
    return INFINITE


class _Reader:
    """Walks sre's tree."""

    def __init__(self, alphabet: Alphabet) -> None:
        self._alphabet = alphabet

    def sequence(self, parsed: Sequence[tuple[Any, Any]], flags: int) -> Node:
        if flags & (re.ASCII | re.LOCALE):
            raise Unsupported("ASCII and LOCALE classes")
        items: list[Node] = []
        boundaries: list[int] = []
        for operation, argument in parsed:
            if str(operation) == "AT" and str(argument) == "AT_BOUNDARY":
                boundaries.append(len(items))
                items.append(EMPTY)
            else:
                items.append(self._node(str(operation), argument, flags))
        for index in boundaries:
            items[index] = self._boundary(items, index)
        return Seq(tuple(items)) if len(items) != 1 else items[0]

    def _node(self, name: str, argument: Any, flags: int) -> Node:
        if name == "SUBPATTERN":
            _, added, removed, child = argument
            return self.sequence(child, (flags | added) & ~removed)
        if name == "ATOMIC_GROUP":
            return self.sequence(argument, flags)
        if name == "BRANCH":
            return Alt(tuple(self.sequence(branch, flags) for branch in argument[1]))
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            low, high, child = argument
            return Rep(self.sequence(child, flags), int(low), min(int(high), INFINITE))
        if name in ("ASSERT", "ASSERT_NOT"):
            return self._look(name == "ASSERT", argument[0], argument[1], flags)
        if name == "AT":
            return _anchor(str(argument), flags)
        if name == "GROUPREF":
            return _ANYTHING
        cells = self._one(name, argument, flags)
        if cells is None:
            raise Unsupported(name)
        return Chars(cells.some)

    def _one(self, name: str, argument: Any, flags: int) -> Cells | None:
        """The set of a node that stands for one character; ``None`` for others."""
        ignore_case = bool(flags & re.IGNORECASE)
        if name == "LITERAL":
            return self._alphabet.literal(argument, ignore_case)
        if name == "NOT_LITERAL":
            return ~self._alphabet.literal(argument, ignore_case)
        if name == "ANY":
            newline = self._alphabet.literal(10, ignore_case=False)
            return EVERYTHING if flags & re.DOTALL else ~newline
        if name == "IN":
            return self._class(argument, ignore_case)
        return None

    def _class(self, members: Sequence[tuple[Any, Any]], ignore_case: bool) -> Cells:
        cells, negated = NOTHING, False
        for operation, argument in members:
            match str(operation):
                case "NEGATE":
                    negated = True
                case "LITERAL":
                    cells |= self._alphabet.literal(argument, ignore_case)
                case "RANGE":
                    low, high = argument
                    cells |= self._alphabet.span(low, high, ignore_case)
                case "CATEGORY":
                    cells |= self._category(str(argument))
                case other:
                    raise Unsupported(other)
        return ~cells if negated else cells

    def _category(self, name: str) -> Cells:
        kind = name.removeprefix("CATEGORY_").removeprefix("NOT_")
        if kind not in _CATEGORIES:
            raise Unsupported(name)
        cells = self._alphabet.category(_CATEGORIES[kind])
        return ~cells if "_NOT_" in name else cells

    def _look(self, positive: bool, direction: int, parsed: Any, flags: int) -> Node:
        if positive and direction > 0:
            return Ahead(self.sequence(parsed, flags))
        cells = self._single(parsed, flags, positive)
        if cells is None:
            return EMPTY
        if positive:
            return Guard(cells.some, edge=False, before=True)
        return Guard((~cells).some, edge=True, before=direction < 0)

    def _single(self, parsed: Any, flags: int, positive: bool) -> Cells | None:
        """The characters that a look-around of one character names.

        A negative one may be a choice: what its longer branches forbid is then not known.
        """
        if len(parsed) != 1:
            return None
        name, argument = str(parsed[0][0]), parsed[0][1]
        if name == "SUBPATTERN":
            inner = (flags | argument[1]) & ~argument[2]
            return self._single(argument[3], inner, positive)
        if name != "BRANCH":
            return self._one(name, argument, flags)
        singles = [self._single(branch, flags, positive) for branch in argument[1]]
        if positive and None in singles:
            return None
        found = NOTHING
        for cells in singles:
            found |= cells or NOTHING
        return found

    def _boundary(self, items: Sequence[Node], index: int) -> Node:
        """``\\b`` beside characters that are all of a word (or all not) guards the other side."""
        word = self._alphabet.category(r"\w").some
        for before, neighbours in ((True, items[index + 1 :]), (False, items[:index][::-1])):
            mask = edge_mask(neighbours, first=before)
            if mask is not None and mask & ~word == 0:
                return Guard(ALL & ~word, edge=True, before=before)
        return EMPTY


def _anchor(name: str, flags: int) -> Node:
    newline = 1 << 10
    match name:
        case "AT_BEGINNING":
            return Guard(newline if flags & re.MULTILINE else 0, edge=True, before=True)
        case "AT_BEGINNING_STRING":
            return Guard(0, edge=True, before=True)
        case "AT_END":
            return Guard(newline, edge=True, before=False)
        case "AT_END_STRING":
            return Guard(0, edge=True, before=False)
        case "AT_NON_BOUNDARY":
            return EMPTY
    raise Unsupported(name)


def edge_mask(items: Sequence[Node], *, first: bool) -> int | None:
    """Cells of the first character of ``items`` in this order; ``None`` where it may be missing."""
    mask = 0
    for item in items:
        found, nullable = _edge(item, first)
        mask |= found
        if not nullable:
            return mask
    return None


def _edge(node: Node, first: bool) -> tuple[int, bool]:
    match node:
        case Chars(mask):
            return mask, False
        case Guard() | Ahead():
            return 0, True
        case Seq(items):
            ordered = items if first else items[::-1]
            mask = 0
            for item in ordered:
                found, nullable = _edge(item, first)
                mask |= found
                if not nullable:
                    return mask, False
            return mask, True
        case Alt(branches):
            edges = [_edge(branch, first) for branch in branches]
            mask = 0
            for found, _ in edges:
                mask |= found
            return mask, any(nullable for _, nullable in edges)
        case Rep(child, low, _):
            found, nullable = _edge(child, first)
            return found, nullable or low == 0
