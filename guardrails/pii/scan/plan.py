"""Which rules to try for what the automata report."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from guardrails.pii.recognizers.base import CompiledRule, RuleRecognizer
from guardrails.pii.scan.database import Database, database
from guardrails.pii.scan.readings import readings
from guardrails.pii.scan.shape import Node


@dataclass(frozen=True, slots=True)
class Target:
    """A rule, with what was read of it (``Reading``).

    Args:
        order: position among all rules; findings come in this order.
        owner: index of the rule's recognizer.
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
        plain: rules that no expression stands for; they run on every text.
        digest: of what all of it was made from; ``None`` where nobody can say.
    """

    database: Database
    targets: dict[int, tuple[Target, ...]]
    plain: tuple[Target, ...]
    digest: str | None = None

    def numbered(self) -> list[tuple[int, Target]]:
        """Expressions and targets, by expression."""
        return [
            (number, target)
            for number, targets in sorted(self.targets.items())
            for target in targets
        ]


def make_plan(recognizers: Sequence[RuleRecognizer]) -> Plan:
    """Takes about a second for some hundred rules that were never read before."""
    rules = [
        (owner, rule) for owner, recognizer in enumerate(recognizers) for rule in recognizer.rules
    ]
    found = readings([rule.rule for _, rule in rules])
    targets: dict[int | None, list[Target]] = {None: []}
    for order, ((owner, rule), read) in enumerate(zip(rules, found.rules, strict=True)):
        targets.setdefault(read.number, []).append(
            Target(
                order,
                owner,
                rule,
                read.least,
                read.most,
                read.start,
                read.digits,
                read.reach,
                read.context,
                read.tree,
            )
        )
    plain = tuple(targets.pop(None))
    by_number = {number: tuple(each) for number, each in targets.items() if number is not None}
    return Plan(database(found.groups), by_number, plain, found.digest)
