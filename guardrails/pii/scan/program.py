"""A pattern's tree as a program for ``_native.c``, which runs it where a rule may match.

It accepts at least what the tree accepts in the first characters of a match: repetitions become
open ones, look-aheads their first character, and what lies beyond is accepted. Writing those of
some hundred rules was a tenth of a gateway's start, so they are kept between starts (``store``).
"""

import sys
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from guardrails.pii.recognizers.base import CONTEXT_AFTER, CONTEXT_BEFORE, CONTEXT_LENGTH
from guardrails.pii.scan import store
from guardrails.pii.scan.alphabet import ALL, alphabet
from guardrails.pii.scan.plan import Plan
from guardrails.pii.scan.shape import (
    EMPTY,
    INFINITE,
    Ahead,
    Alt,
    Chars,
    Guard,
    Node,
    Rep,
    Seq,
    edge_mask,
)

if TYPE_CHECKING:
    from guardrails.pii.scan._native import Programs

# As in _native.c.
_MATCH, _CHARS, _SPLIT, _JUMP, _BEFORE, _AFTER = range(6)
LONGEST: Final = 32
_MOST_STEPS: Final = 4_000  # of a program; what comes then is accepted
_MOST_COPIES: Final = 12  # of what may be repeated; an open repetition stands for more
_KIND: Final = "programs"


class Written(msgspec.Struct, frozen=True, array_like=True):
    """The programs of a plan's targets, one after the other, in this machine's byte order.

    Args:
        classes: (n, 32) bytes, a bit for each cell.
        steps: uint32, two a step.
        targets: int32, nine a target, as ``Programs`` has them.
        digit: the class of a digit.
    """

    classes: bytes
    steps: bytes
    targets: bytes
    digit: int


def native_programs(plan: Plan, far: int) -> "Programs | None":
    """The programs of a plan's targets, in the order of ``Plan.numbered``.

    Args:
        far: rules that reach farther are not looked at for context words beforehand.

    Returns:
        ``None`` where C was not built.
    """
    try:
        from guardrails.pii.scan._native import Programs
    except ImportError:  # no C compiler where the package was installed
        return None
    written = kept_or_written(plan)
    return Programs(
        written.classes,
        written.steps,
        written.targets,
        plan.database.expressions,
        written.digit,
        CONTEXT_BEFORE + CONTEXT_LENGTH,
        CONTEXT_AFTER,
        far,
    )


def kept_or_written(plan: Plan) -> Written:
    """What an earlier process wrote for the same rules with the same code, or written anew."""
    read = plan.digest
    digest = store.digest_of(f"{read} {sys.byteorder} ", Path(__file__)) if read else None
    return store.kept_or_made(_KIND, digest, Written, lambda: write(plan))


def write(plan: Plan) -> Written:
    """The programs of a plan's targets, in the order of ``Plan.numbered``."""
    classes = Classes()
    steps, targets = array("I"), array("i")
    for number, target in plan.numbered():
        tree = target.tree or EMPTY
        words = program(tree, classes)
        targets.extend(
            (
                number,
                len(steps) // 2,
                len(words) // 2,
                first_class(tree, classes),
                target.least,
                -1 if target.most >= INFINITE else target.most,
                target.digits,
                -1 if target.reach >= INFINITE else target.reach,
                -1 if target.context is None else target.context,
            )
        )
        steps.extend(words)
    digit = classes.number(alphabet().category(r"\d").some)
    return Written(classes.to_bytes(), steps.tobytes(), targets.tobytes(), digit)


class Classes:
    """Sets of cells as numbers; equal ones share one."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def number(self, mask: int) -> int:
        return self._numbers.setdefault(mask, len(self._numbers))

    def to_bytes(self) -> bytes:
        """(n, 32) bytes, a bit for each cell."""
        return b"".join(mask.to_bytes(32, "little") for mask in self._numbers)


def program(tree: Node, classes: Classes) -> list[int]:
    """Two words a step: operation, edge and class; where to go on."""
    writer = _Writer(classes)
    writer.write(tree, 0)
    writer.step(_MATCH)
    return writer.words


def first_class(tree: Node, classes: Classes) -> int:
    """The class of a match's first character; -1 where that may be any."""
    mask = edge_mask((tree,), first=True)
    return -1 if mask is None or mask == ALL else classes.number(mask)


class _Writer:
    def __init__(self, classes: Classes) -> None:
        self.words: list[int] = []
        self._classes = classes

    def step(self, operation: int, number: int = 0, *, edge: bool = False, to: int = 0) -> int:
        """Its place."""
        self.words += (operation | edge << 8 | number << 16, to)
        return len(self.words) // 2 - 1

    def write(self, node: Node, depth: int) -> int:
        """Append ``node``, before which a match has at least ``depth`` characters.

        Returns:
            How many it has at least behind it.
        """
        if depth >= LONGEST or len(self.words) >= 2 * _MOST_STEPS:
            return depth
        match node:
            case Chars(mask):
                self.step(_CHARS, self._classes.number(mask))
                return depth + 1
            case Guard(mask, edge, before):
                if mask != ALL:
                    self._guard(mask, edge, before)
                return depth
            case Ahead(child):
                mask = edge_mask((child,), first=True)
                if mask is not None and mask != ALL:
                    self._guard(mask, edge=False, before=False)
                return depth
            case Seq(items):
                for item in items:
                    depth = self.write(item, depth)
                return depth
            case Alt(branches):
                return self._choice(branches, depth)
            case Rep():
                return self._repetition(node, depth)

    def _guard(self, mask: int, edge: bool, before: bool) -> None:
        self.step(_BEFORE if before else _AFTER, self._classes.number(mask), edge=edge)

    def _choice(self, branches: tuple[Node, ...], depth: int) -> int:
        depths: list[int] = []
        ends: list[int] = []
        for branch in branches[:-1]:
            split = self.step(_SPLIT)
            depths.append(self.write(branch, depth))
            ends.append(self.step(_JUMP))
            self._lead(split)
        depths.append(self.write(branches[-1], depth))
        for end in ends:
            self._lead(end)
        return min(depths)

    def _repetition(self, node: Rep, depth: int) -> int:
        for _ in range(min(node.low, LONGEST)):
            depth = self.write(node.child, depth)
        if depth >= LONGEST:
            return depth
        more = node.high - min(node.low, LONGEST)
        if node.high >= INFINITE or more > _MOST_COPIES:
            split = self.step(_SPLIT)
            self.write(node.child, depth)
            self.step(_JUMP, to=split)
            self._lead(split)
            return depth
        splits: list[int] = []
        for _ in range(more):
            splits.append(self.step(_SPLIT))
            self.write(node.child, depth)
        for split in splits:
            self._lead(split)
        return depth

    def _lead(self, place: int) -> None:
        """The step at ``place`` goes on, or can go on, with the one to be written next."""
        self.words[2 * place + 1] = len(self.words) // 2
