"""Whose turn it is: requests that wait for an upstream, fairly between tenants."""

from dataclasses import dataclass, field
from typing import Literal

Priority = Literal["interactive", "batch"]
PRIORITIES: tuple[Priority, ...] = ("interactive", "batch")


@dataclass(slots=True, eq=False)
class Turn:
    """A request that waits.

    Args:
        weight: of its tenant: twice the weight, twice the turns.
    """

    tenant: str
    weight: int = 1
    priority: Priority = "interactive"


@dataclass(slots=True)
class _Tenant:
    """The requests of one tenant and class, first come first; and how much it has had."""

    had: float
    turns: dict[Turn, None] = field(default_factory=dict)  # in order; any may leave


class FairQueue:
    """Interactive before batch; within each the tenant that has had least for its weight;
    within that first come, first served.

    A tenant that comes anew begins where the others are: it is owed nothing for its absence,
    and one that leaves and comes back has had what it has had (start-time fair queueing).
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._classes: dict[Priority, dict[str, _Tenant]] = {name: {} for name in PRIORITIES}
        self._now: dict[Priority, float] = dict.fromkeys(PRIORITIES, 0.0)
        self._absent: dict[Priority, dict[str, float]] = {name: {} for name in PRIORITIES}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def length(self, priority: Priority) -> int:
        return sum(len(each.turns) for each in self._classes[priority].values())

    def push(self, turn: Turn) -> Turn | None:
        """Put it in; returns who has to go for it where the queue is full: the last of the
        tenant that has most waiting, of the lowest class. That may be ``turn`` itself."""
        leaving = None
        if self._length >= self._most:
            leaving = self._last_to_go(turn)
            if leaving is turn:
                return turn
            self.remove(leaving)
        tenants = self._classes[turn.priority]
        own = tenants.get(turn.tenant)
        if own is None:
            had = self._absent[turn.priority].pop(turn.tenant, 0.0)
            own = tenants[turn.tenant] = _Tenant(max(had, self._now[turn.priority]))
        own.turns[turn] = None
        self._length += 1
        return leaving

    def pop(self) -> Turn | None:
        """Whose turn it is."""
        for priority in PRIORITIES:
            tenants = self._classes[priority]
            if tenants:
                own = min(tenants.values(), key=lambda each: each.had)
                turn = next(iter(own.turns))
                self._now[priority] = own.had
                own.had += 1.0 / turn.weight
                self.remove(turn)
                return turn
        return None

    def remove(self, turn: Turn) -> bool:
        """It leaves; whether it was there."""
        tenants = self._classes[turn.priority]
        own = tenants.get(turn.tenant)
        if own is None or turn not in own.turns:
            return False
        del own.turns[turn]
        self._length -= 1
        if not own.turns:
            self._forget(turn.priority, turn.tenant, own)
        return True

    def _forget(self, priority: Priority, tenant: str, own: _Tenant) -> None:
        """Nothing of it waits; what it has had counts as long as others wait."""
        tenants, absent = self._classes[priority], self._absent[priority]
        del tenants[tenant]
        if not tenants:
            absent.clear()
        elif own.had > self._now[priority]:
            absent[tenant] = own.had

    def _last_to_go(self, turn: Turn) -> Turn:
        for priority in reversed(PRIORITIES):
            tenants = self._classes[priority]
            if priority == turn.priority:
                mine = tenants.get(turn.tenant)
                longest = max(tenants.values(), key=lambda each: len(each.turns), default=None)
                if longest is None or longest is mine:
                    return turn
                if len(longest.turns) <= (len(mine.turns) if mine else 0) + 1:
                    return turn
                return next(reversed(longest.turns))
            if tenants:
                longest = max(tenants.values(), key=lambda each: len(each.turns))
                return next(reversed(longest.turns))
        return turn
