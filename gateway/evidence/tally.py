"""Counts what records say: one pass, whatever the number of records.

Only counts, names, versions and digests; it knows no database and draws no conclusion.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

MOST_ACTIONS = 5000  # admin actions listed one by one; all are counted


@dataclass(slots=True)
class Span:
    """First and last time of something, and how often."""

    first: str
    last: str
    count: int = 0

    def see(self, time: str) -> None:
        self.first, self.last = min(self.first, time), max(self.last, time)
        self.count += 1

    def to_dict(self) -> dict[str, Any]:
        return {"first": self.first, "last": self.last, "requests": self.count}


@dataclass(slots=True)
class Tally:
    """Feed it records in the order of the chain."""

    first_seq: int | None = None
    last_seq: int | None = None
    first_time: str | None = None
    last_time: str | None = None
    kinds: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    surfaces: Counter[str] = field(default_factory=Counter)
    error_codes: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[tuple[str, str, str, str, str]] = field(default_factory=Counter)
    guards: dict[tuple[str, str, str], Span] = field(default_factory=dict)
    policies: dict[tuple[str, str], Span] = field(default_factory=dict)
    destinations: dict[tuple[str, str, str, str], Span] = field(default_factory=dict)
    masked_values: Counter[str] = field(default_factory=Counter)
    masked_requests: Counter[str] = field(default_factory=Counter)
    bodies: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    actions: list[dict[str, Any]] = field(default_factory=list)
    action_counts: Counter[str] = field(default_factory=Counter)
    users: set[str] = field(default_factory=set)
    without_policy: int = 0

    def feed(self, record: dict[str, Any]) -> None:
        """One record: the members of its body."""
        time = str(record.get("time"))
        self.first_seq = record["seq"] if self.first_seq is None else self.first_seq
        self.first_time = self.first_time or time
        self.last_seq, self.last_time = record["seq"], time
        kind = str(record.get("kind"))
        self.kinds[kind] += 1
        if kind == "request":
            self._request(record, time)
        else:
            self._action(record, time)

    def _request(self, record: dict[str, Any], time: str) -> None:
        self.outcomes[_name(record, "outcome")] += 1
        self.surfaces[_name(record, "surface")] += 1
        if record.get("error_code"):
            self.error_codes[str(record["error_code"])] += 1
        if record.get("user"):
            self.users.add(str(record["user"]))
        self._guards(record, time)
        if record.get("policy_digest"):
            policy = (_name(record, "policy"), str(record["policy_digest"]))
            _see(self.policies, policy, time)
        else:
            self.without_policy += 1
        if record.get("upstream"):
            names = ("upstream", "zone", "model", "weights_digest")
            upstream, zone, model, weights = (str(record.get(name) or "") for name in names)
            _see(self.destinations, (upstream, zone, model, weights), time)
        for entity, count in (record.get("masked") or {}).items():
            self.masked_values[entity] += count
            self.masked_requests[entity] += 1
        for body in record.get("bodies") or ():
            self.bodies["stored" if body.get("digest") else "not_sealed"] += 1
        for name, count in (record.get("tokens") or {}).items():
            if isinstance(count, int) and not isinstance(count, bool):
                self.tokens[name] += count

    def _guards(self, record: dict[str, Any], time: str) -> None:
        for guard in record.get("detectors") or ():
            name, version, direction = (
                str(guard.get(part)) for part in ("name", "version", "direction")
            )
            _see(self.guards, (name, version, direction), time)
            # "found:3" counts values: what matters here is that there were some.
            verdict = str(guard.get("verdict")).partition(":")[0]
            action = str(guard.get("action"))
            self.verdicts[(name, version, direction, verdict, action)] += 1

    def _action(self, record: dict[str, Any], time: str) -> None:
        self.action_counts[_name(record, "action")] += 1
        if len(self.actions) < MOST_ACTIONS:
            names = ("actor", "method", "action", "target", "before", "after", "reason")
            self.actions.append(
                {"seq": record["seq"], "time": time, **{name: record.get(name) for name in names}}
            )


def _see(spans: dict[Any, Span], key: Any, time: str) -> None:
    if key not in spans:
        spans[key] = Span(time, time)
    spans[key].see(time)


def _name(record: dict[str, Any], member: str) -> str:
    return str(record.get(member) or "unknown")
