"""The part of a pattern that is worth looking for, as an expression of the byte automaton.

Every match of a pattern holds its factor at a known distance from the match's start. A good
factor is rare in text, small, and at a distance that varies little. How rare a character is, a
table of the commonest ones in prose, code, logs and Chinese text says; it need not be right, a
wrong guess costs time, never a finding.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from guardrails.pii.scan.alphabet import ALL
from guardrails.pii.scan.shape import (
    INFINITE,
    Ahead,
    Alt,
    Chars,
    Guard,
    Node,
    Rep,
    Seq,
    edge_mask,
    width,
)

LEAST_BITS: Final = 3.5
_ENOUGH_BITS: Final = 24.0
_PRICE: Final = 0.01  # bits that one unit of size must bring
_CLASS_SIZE: Final = 12  # a class beside a letter, which an automaton finds by faster means
_LONGEST: Final = 8  # items of a window
_REPEATED: Final = 8  # copies of a repeated part that are looked for
_SPELT_OUT: Final = 4  # {m,n} is kept exact up to this n
# Shares of 1,000 characters of a mix of prose, code, logs and Chinese text.
_COMMON: Final = {
    **dict.fromkeys("etaoin", 38), **dict.fromkeys("shrdlu", 22), **dict.fromkeys("cmfwypvbgk", 11),
    **dict.fromkeys("jxqz", 2), **dict.fromkeys("0123456789", 9), " ": 110, "\n": 15, ".": 9,
    ",": 9, '"': 9, "'": 4, ":": 7, "/": 6, "-": 7, "_": 5, "=": 4, "(": 4, ")": 4,
}  # fmt: skip


def _frequency(cell: int) -> float:
    if cell >= 192:  # ideographs, 64 cells
        return 0.0025
    return _COMMON.get(chr(cell), 1.2) / 1000 if cell < 128 else 0.0006


_FREQUENCIES: Final = tuple(_frequency(cell) for cell in range(256))


@lru_cache(maxsize=1024)
def _price_of_spread(places: int) -> float:
    """Bits that a factor must bring for so many places at which a match may start."""
    return min(14.0, math.log2(1 + places / 4) + max(0, places - 80) / 16)


@dataclass(frozen=True, slots=True)
class Factor:
    """What the automaton looks for in place of a pattern.

    Args:
        expression: never matches the empty text.
        bits: how rare it should be, as -log2 of its chance at a position.
        least, most: characters from the pattern's start to where the automaton reports; ``most``
            is ``INFINITE`` where the start may be anywhere before.
        size: rough cost for the automaton.
    """

    expression: str
    bits: float
    least: int
    most: int
    size: int

    @property
    def worth(self) -> float:
        spread = _price_of_spread(INFINITE if self.most >= INFINITE else self.most - self.least)
        return min(self.bits, _ENOUGH_BITS) - spread - _PRICE * self.size

    def shifted(self, least: int, most: int) -> "Factor":
        far = min(INFINITE, self.most + most)
        return Factor(self.expression, self.bits, self.least + least, far, self.size)


def best_factor(node: Node, *, edges: bool = True) -> Factor | None:
    """The factor of a pattern; ``None`` where all of them are too common.

    Args:
        edges: what stands behind the pattern may be looked at; not so where the pattern is used
            on a part of a text that ends anywhere.
    """
    factor = _best(node, edges)
    return factor if factor is not None and factor.bits >= LEAST_BITS else None


def start_expression(node: Node) -> str:
    """Where a match may start: its first character and, if a guard says, the one before."""
    items = _flat(node)
    mask = edge_mask(items, first=True)
    if mask is None:
        return ""
    first = items[0]
    if not isinstance(first, Guard) or not first.before or first.mask == ALL:
        return _class(mask)
    choices = [f"(?<={_class(first.mask)})"] if first.mask else []
    if first.edge:
        choices.append("\\A")
    return "(?:" + "|".join(choices) + ")" + _class(mask)


def least_of(node: Node, mask: int) -> int:
    """How many characters of ``mask`` every match has at least."""
    match node:
        case Chars(own):
            return int(own & ~mask == 0)
        case Guard() | Ahead():
            return 0
        case Seq(items):
            return sum(least_of(item, mask) for item in items)
        case Alt(branches):
            return min(least_of(branch, mask) for branch in branches)
        case Rep(child, low, _):
            return low * least_of(child, mask) if low else 0


def _best(node: Node, edges: bool) -> Factor | None:
    if isinstance(node, Alt):
        return _best_of_branches(node, edges)
    if isinstance(node, Rep):
        return _best(node.child, edges) if node.low else None
    items = _flat(node)
    parts = [_part(item, edges) for item in items]
    offsets = [(0, 0)]
    for item in items:
        least, most = width(item)
        offsets.append((offsets[-1][0] + least, min(INFINITE, offsets[-1][1] + most)))
    found: list[Factor] = []
    for index, item in enumerate(items):
        if isinstance(item, Alt | Rep) and (inner := _best(item, edges)) is not None:
            found.append(inner.shifted(*offsets[index]))
    window = _best_window(items, parts, offsets)
    if window is not None:
        found.append(window)
    return max(found, key=lambda factor: factor.worth, default=None)


def _best_of_branches(node: Alt, edges: bool) -> Factor | None:
    factors: list[Factor] = []
    for branch in node.branches:
        factor = _best(branch, edges)
        if factor is None:
            return None
        factors.append(factor)
    chance = sum(2.0**-factor.bits for factor in factors)
    return Factor(
        "(?:" + "|".join(dict.fromkeys(factor.expression for factor in factors)) + ")",
        -math.log2(min(1.0, chance)),
        min(factor.least for factor in factors),
        max(factor.most for factor in factors),
        sum(factor.size for factor in factors),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """An item as it may stand in a window: how rare, how large, whether it may begin or end it."""

    bits: float
    size: int
    first: bool
    last: bool


def _part(item: Node, edges: bool) -> _Part:
    first = not _is_useless_edge(item, first=True, edges=edges)
    last = not _is_useless_edge(item, first=False, edges=edges)
    return _Part(_bits(item), _size(item), first, last)


def _best_window(
    items: Sequence[Node],
    parts: Sequence[_Part],
    offsets: Sequence[tuple[int, int]],
) -> Factor | None:
    best: tuple[float, int, int] | None = None
    for start in range(len(items)):
        if not parts[start].first:
            continue
        bits, size = 0.0, 0
        spread = offsets[start][1] - offsets[start][0]
        for end in range(start, min(len(items), start + _LONGEST)):
            bits += parts[end].bits
            size += parts[end].size
            if not parts[end].last:
                continue
            if offsets[end + 1][0] == offsets[start][0]:
                continue  # would match the empty text
            wide = offsets[end + 1][1] - offsets[start][1] + spread
            cost = _price_of_spread(wide)
            worth = min(bits, _ENOUGH_BITS) - cost - _PRICE * size
            if best is None or worth > best[0]:
                best = (worth, start, end)
    if best is None:
        return None
    return _window(items, offsets, best[1], best[2])


def _is_useless_edge(item: Node, *, first: bool, edges: bool) -> bool:
    match item:
        case Guard(_, _, before):
            return before is not first or not (before or edges)
        case Ahead():
            return first or not edges
        case Rep(_, low, _):
            return low == 0
        case _:
            return width(item)[1] == 0


def _window(
    items: Sequence[Node], offsets: Sequence[tuple[int, int]], start: int, end: int
) -> Factor:
    chosen = list(items[start : end + 1])
    least, most = offsets[start]
    if isinstance(chosen[0], Rep):
        cut = _shortened(chosen[0])
        before, within = width(chosen[0]), width(cut)
        # The copies nearest to what follows are kept, those before them shift the start.
        least += max(0, before[0] - within[0])
        most = INFINITE if before[1] >= INFINITE else most + before[1] - within[0]
        chosen[0] = cut
    if len(chosen) > 1 and isinstance(chosen[-1], Rep):
        chosen[-1] = _shortened(chosen[-1])
    tail = 0
    for item in chosen:
        low, high = width(item)
        least, most = least + low, min(INFINITE, most + high)
    # What follows the pattern is reported with it.
    if isinstance(chosen[-1], Ahead):
        low, high = width(chosen[-1].child)
        least, most = least + low, min(INFINITE, most + high)
    elif isinstance(chosen[-1], Guard):
        tail = 1
    expression = "".join(
        _edge_text(item, index == len(chosen) - 1)
        if isinstance(item, Guard | Ahead) and index in (0, len(chosen) - 1)
        else _text(item)
        for index, item in enumerate(chosen)
    )
    bits = sum(map(_bits, chosen))
    return Factor(expression, bits, least, most + tail, sum(map(_size, chosen)))


def _shortened(item: Rep) -> Node:
    """Just enough copies: an open end would be reported again and again."""
    if item.high <= _SPELT_OUT and item.low == item.high:
        return item
    copies = max(1, min(item.low, _REPEATED))
    return Rep(item.child, copies, copies)


def _flat(node: Node) -> list[Node]:
    if isinstance(node, Seq):
        return [inner for item in node.items for inner in _flat(item)]
    if isinstance(node, Rep) and (node.low, node.high) == (1, 1):
        return _flat(node.child)
    return [node]


@lru_cache(maxsize=4096)
def _bits_of_mask(mask: int) -> float:
    if mask == ALL:
        return 0.0
    total = sum(chance for cell, chance in enumerate(_FREQUENCIES) if mask >> cell & 1)
    return -math.log2(min(1.0, max(total, 0.0005)))


def _bits(node: Node) -> float:
    match node:
        case Chars(mask):
            return _bits_of_mask(mask)
        case Guard(mask, _, _):
            # A run of like characters is looked at once, at its border, not at every place.
            return 3.0 if mask != ALL else 0.0
        case Ahead(child):
            return _bits(child)
        case Seq(items):
            return sum(map(_bits, items))
        case Alt(branches):
            return -math.log2(min(1.0, sum(2.0 ** -_bits(branch) for branch in branches)))
        case Rep(child, low, _):
            return _bits(child) * min(low, _REPEATED)


def _size(node: Node) -> int:
    match node:
        case Chars(mask):
            return 1 if mask.bit_count() <= 2 else _CLASS_SIZE
        case Guard():
            return 1
        case Ahead(child):
            return _size(child)
        case Seq(items):
            return sum(map(_size, items))
        case Alt(branches):
            return sum(map(_size, branches))
        case Rep(child, low, high):
            copies = high if high <= _SPELT_OUT else max(1, min(low, _REPEATED))
            return _size(child) * copies


def _edge_text(item: Guard | Ahead, last: bool) -> str:
    if isinstance(item, Ahead):
        return _text(item.child) if last else ""
    if item.mask == ALL:
        return ""
    choices = [_class(item.mask)] if item.mask else []
    if item.edge:
        choices.append("^" if item.before else "$")
    return "(?:" + "|".join(choices) + ")" if len(choices) > 1 else "".join(choices)


def _text(node: Node) -> str:
    """``node`` inside a window: guards say nothing there."""
    match node:
        case Chars(mask):
            return _class(mask)
        case Guard() | Ahead():
            return ""
        case Seq(items):
            return "".join(map(_text, items))
        case Alt(branches):
            return "(?:" + "|".join(dict.fromkeys(map(_text, branches))) + ")"
        case Rep(child, low, high):
            inner = _text(child)
            if not inner or high == 0:
                return ""
            group = inner if isinstance(child, Chars) else f"(?:{inner})"
            return group + _counts(low, high)


def _counts(low: int, high: int) -> str:
    if low == high and low <= _REPEATED:
        return f"{{{low}}}" if low != 1 else ""
    if high <= _SPELT_OUT:
        return "?" if (low, high) == (0, 1) else f"{{{low},{high}}}"
    low = min(low, _REPEATED)
    return "*" if low == 0 else "+" if low == 1 else f"{{{low},}}"


@lru_cache(maxsize=4096)
def _class(mask: int) -> str:
    """A class of bytes; a letter in both cases stays one that the automaton takes for a literal."""
    if mask == ALL:
        return r"[\x00-\xff]"
    cells = [cell for cell in range(256) if mask >> cell & 1]
    if len(cells) == 1:
        return _byte(cells[0])
    ranges: list[str] = []
    start = previous = cells[0]
    for cell in [*cells[1:], -1]:
        if cell != previous + 1:
            ranges.append(
                _byte(start) if start == previous else f"{_byte(start)}-{_byte(previous)}"
            )
            start = cell
        previous = cell
    return "[" + "".join(ranges) + "]"


def _byte(cell: int) -> str:
    letter = chr(cell)
    return letter if cell < 128 and letter.isalnum() else f"\\x{cell:02x}"
