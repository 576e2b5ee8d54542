"""What the drain commits at once, made ready as far as that can be done without the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gateway.audit.chain import Draft
from gateway.audit.journal import Batch
from gateway.audit.outcomes import Journaled, Prepared


class Item(NamedTuple):
    """A request made ready: what the chain, the sinks and the body store get."""

    draft: Draft
    settlement: Any
    bodies: Sequence[dict[str, Any]]

    @classmethod
    def of(cls, outcome: Journaled) -> "Item":
        if isinstance(outcome, Prepared):
            return cls(Draft.of_prepared(*outcome[:3]), outcome.settlement, ())
        audit = outcome.audit
        draft = Draft.of_journaled(audit["tenant"], outcome.request_id, "request", audit)
        return cls(draft, outcome.settlement, outcome.bodies)


@dataclass(slots=True)
class Load:
    """What one transaction commits, as far as it can be made ready without the database."""

    last: Batch
    items: list[Item]
    tried: bool = False

    def new(self, known: set[tuple[str, str]]) -> list[Item]:
        """What the chain has not got, each request once."""
        first: dict[tuple[str, str], Item] = {}
        for item in self.items:
            if item.draft.key not in known:
                first.setdefault(item.draft.key, item)
        return list(first.values())
