"""What is read from the rules' patterns: where a match may start, and what to scan for.

Reading some hundred rules takes a second of a core, so it is kept between starts (``store``),
under a digest of the rules, of the code that reads them and of what that code stands on.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec
from msgspec import structs

from guardrails.pii.recognizers.base import Rule
from guardrails.pii.scan import store
from guardrails.pii.scan.alphabet import alphabet
from guardrails.pii.scan.factor import Factor, best_factor, least_of, start_expression
from guardrails.pii.scan.shape import INFINITE, Node, Unsupported, shape, width

# Expressions of one automaton, by their kind. Automata grow faster than their number of
# expressions, and so does the time to build them; each costs 2 microseconds more to scan with.
_WORDS: Final = 112
_NUMBERS: Final = 24
_LARGE: Final = 12
_LARGE_SIZE: Final = 250
_KIND: Final = "rules"
_READERS: Final = ("alphabet", "factor", "readings", "shape")


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """Of one rule.

    Args:
        number: of the expression that stands for it; ``None``: it runs on every text.
        context: number of its context's expression; ``None`` where the rule has none, or one that
            cannot be looked for.
        least, most: a match starts between ``end - most`` and ``end - least`` of a report's end.
        start: where in a text of cells an attempt is worth it, as an expression of bytes.
        digits: how many a match has at least.
        reach: how far from its start an attempt may look; ``INFINITE`` where nothing bounds it.
        tree: of its pattern; ``None`` where that has no safe approximation.
    """

    number: int | None
    context: int | None
    least: int = 0
    most: int = INFINITE
    start: str = ""
    digits: int = 0
    reach: int = INFINITE
    tree: Node | None = None


class Readings(msgspec.Struct, frozen=True, array_like=True):
    """Of all rules, in their order.

    Args:
        groups: numbered expressions, those of one automaton together.
        digest: of what they were read from; ``None`` where nobody can say.
    """

    rules: tuple[Reading, ...]
    groups: tuple[tuple[tuple[int, str], ...], ...]
    digest: str | None = None


def readings(rules: Sequence[Rule]) -> Readings:
    """Kept ones, or the rules read anew."""
    digest = _digest(rules)
    return store.kept_or_made(
        _KIND, digest, Readings, lambda: structs.replace(read(rules), digest=digest), msgspec.json
    )


def read(rules: Sequence[Rule]) -> Readings:
    """Read every rule."""
    expressions = _Expressions()
    found = tuple(_reading(rule, expressions) for rule in rules)
    return Readings(found, expressions.groups())


def _digest(rules: Sequence[Rule]) -> str | None:
    patterns = [(rule.regex, int(rule.flags), rule.context) for rule in rules]
    stands_on = (sys.version, unicodedata.unidata_version, version("msgspec"))
    code = (Path(__file__).with_name(f"{name}.py") for name in _READERS)
    return store.digest_of(repr((patterns, stands_on)), *code)


class _Expressions:
    """Numbers for expressions; equal ones share one."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self._contexts: dict[str, int | None] = {}

    def number(self, factor: Factor) -> int:
        self._sizes[factor.expression] = factor.size
        return self._numbers.setdefault(factor.expression, len(self._numbers))

    def of_context(self, pattern: str) -> int | None:
        if pattern not in self._contexts:
            try:
                tree, _ = shape(pattern, re.IGNORECASE, alphabet())
                # A context is sought in the text up to the finding, where nothing follows it.
                factor = best_factor(tree, edges=False)
            except Unsupported:
                factor = None
            self._contexts[pattern] = None if factor is None else self.number(factor)
        return self._contexts[pattern]

    def groups(self) -> tuple[tuple[tuple[int, str], ...], ...]:
        """Words, shapes of numbers and large expressions apart, each into some automata."""
        large, words, numbers = [], [], []
        for expression, number in sorted(self._numbers.items()):
            item = (number, expression)
            if self._sizes[expression] > _LARGE_SIZE:
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


def _reading(rule: Rule, expressions: _Expressions) -> Reading:
    context = None if rule.context is None else expressions.of_context(rule.context)
    try:
        tree, reach = shape(rule.regex, rule.flags, alphabet())
    except Unsupported:
        return Reading(None, context)
    # A match of nothing would make the next attempt's place depend on more than where it ended.
    factor = best_factor(tree) if width(tree)[0] else None
    number, least, most = None, 0, INFINITE
    if factor is not None:
        number, least, most = expressions.number(factor), factor.least, factor.most
    digits = least_of(tree, alphabet().category(r"\d").some)
    return Reading(number, context, least, most, start_expression(tree), digits, reach, tree)


def _chunks(items: Sequence[tuple[int, str]], size: int) -> Iterable[tuple[tuple[int, str], ...]]:
    return (tuple(items[start : start + size]) for start in range(0, len(items), size))
