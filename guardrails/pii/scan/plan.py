"""Where each rule may match: the expressions to scan for, and what their reports mean."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from guardrails.pii.recognizers.base import CompiledRule, RuleRecognizer
from guardrails.pii.scan.alphabet import alphabet
from guardrails.pii.scan.database import Database, database
from guardrails.pii.scan.factor import Factor, best_factor, least_of, start_expression
from guardrails.pii.scan.shape import INFINITE, Node, Unsupported, shape, width

# Expressions of one automaton, by their kind. Automata grow faster than their number of
# expressions, and so does the time to build them; each costs 2 microseconds more to scan with.
_WORDS: Final = 112
_NUMBERS: Final = 24
_LARGE: Final = 12
_LARGE_SIZE: Final = 250


@dataclass(frozen=True, slots=True)
class Target:
    """A rule and where its matches start, seen from a report's end.

    Args:
        order: position among all rules; findings come in this order.
        owner: index of the rule's recognizer.
        least, most: a match starts between ``end - most`` and ``end - least``.
        start: where in a text of cells an attempt is worth it, as an expression of bytes.
        digits: how many a match has at least.
        reach: how far from its start an attempt may look; ``INFINITE`` where nothing bounds it.
        context: index of the context's expression; ``None`` where the rule has none, or one that
            cannot be looked for.
        tree: of its pattern; ``None`` where that has no safe approximation.
    """

    order: int
    owner: int
    rule: CompiledRule
    least: int
    most: int
    start: str
    digits: int
    reach: int
    context: int | None
    tree: Node | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a scanner needs.

    Args:
        targets: by expression, the rules that it stands for.
        contexts: expressions of context words.
        plain: rules that no expression stands for; they run on every text.
    """

    database: Database
    targets: dict[int, tuple[Target, ...]]
    contexts: frozenset[int]
    plain: tuple[Target, ...]

    def numbered(self) -> list[tuple[int, Target]]:
        """Expressions and targets, by expression."""
        return [
            (number, target)
            for number, targets in sorted(self.targets.items())
            for target in targets
        ]


class _Expressions:
    """Numbers for expressions; equal ones share one."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.sizes: dict[str, int] = {}

    def number(self, factor: Factor) -> int:
        self.sizes[factor.expression] = factor.size
        return self.numbers.setdefault(factor.expression, len(self.numbers))

    def groups(self) -> tuple[tuple[tuple[int, str], ...], ...]:
        """Words, shapes of numbers and large expressions apart, each into some automata."""
        large, words, numbers = [], [], []
        for expression, number in sorted(self.numbers.items()):
            item = (number, expression)
            if self.sizes[expression] > _LARGE_SIZE:
                large.append(item)
            elif "0-9" in expression:
                numbers.append(item)
            else:
                words.append(item)
        return (
            *_chunks(words, _WORDS),
            *_chunks(numbers, _NUMBERS),
            *_chunks(large, _LARGE),
        )


def make_plan(recognizers: Sequence[RuleRecognizer]) -> Plan:
    """Reads every rule once; takes about a second for some hundred rules."""
    expressions = _Expressions()
    targets: dict[int, list[Target]] = {}
    contexts: dict[str, int | None] = {}
    plain: list[Target] = []
    order = 0
    for owner, recognizer in enumerate(recognizers):
        for rule in recognizer.rules:
            factor, target = _target(order, owner, rule, _context(rule, contexts, expressions))
            if factor is None:
                plain.append(target)
            else:
                targets.setdefault(expressions.number(factor), []).append(target)
            order += 1
    return Plan(
        database(expressions.groups()),
        {number: tuple(found) for number, found in targets.items()},
        frozenset(number for number in contexts.values() if number is not None),
        tuple(plain),
    )


def _target(
    order: int, owner: int, rule: CompiledRule, context: int | None
) -> tuple[Factor | None, Target]:
    try:
        tree, reach = shape(rule.rule.regex, rule.rule.flags, alphabet())
    except Unsupported:
        return None, Target(order, owner, rule, 0, INFINITE, "", 0, INFINITE, context)
    # A match of nothing would make the next attempt's place depend on more than where it ended.
    factor = best_factor(tree) if width(tree)[0] else None
    least, most = (0, INFINITE) if factor is None else (factor.least, factor.most)
    start = start_expression(tree)
    digits = least_of(tree, alphabet().category(r"\d").some)
    return factor, Target(order, owner, rule, least, most, start, digits, reach, context, tree)


def _context(
    rule: CompiledRule, known: dict[str, int | None], expressions: _Expressions
) -> int | None:
    pattern = rule.rule.context
    if pattern is None:
        return None
    if pattern not in known:
        try:
            tree, _ = shape(pattern, re.IGNORECASE, alphabet())
            # A context is sought in the text up to the finding, where nothing follows it.
            factor = best_factor(tree, edges=False)
        except Unsupported:
            factor = None
        known[pattern] = None if factor is None else expressions.number(factor)
    return known[pattern]


def _chunks(items: Sequence[tuple[int, str]], size: int) -> Iterable[tuple[tuple[int, str], ...]]:
    return (tuple(items[start : start + size]) for start in range(0, len(items), size))
