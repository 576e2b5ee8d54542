"""Which records of a tenant: what the API, the command line and exports filter by.

A body is canonical JSON, so the text ``"zone":"eu"`` stands in it exactly where some
object of the record has that member: quotes within strings are escaped. A search for the
text therefore needs neither an index nor a column of its own, and the same search can be
made in an export with ``grep -F``. Times are not searched for: they never go back along a
chain, so they bound the numbers that are looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from core.clock import isoformat
from gateway.audit.encoding import encode_canonical
from gateway.audit.errors import InvalidFilter
from gateway.audit.models import AuditRecord

MAX_LENGTH = 200
# Filter -> what it is called in a record, at any depth.
MEMBERS: Mapping[str, str] = {
    "actor": "actor",
    "method": "method",
    "action": "action",
    "target": "target",
    "outcome": "outcome",
    "verdict": "verdict",
    "category": "category",
    "error_code": "error_code",
    "upstream": "upstream",
    "zone": "zone",
    "model": "model",
    "tier": "tier",
    "key_id": "key_id",
    "project": "project",
    "user": "user",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """All that is given must hold; texts are compared whole.

    Args:
        start, end: ``start <= time < end``, by the time at which a record joined the chain.
        action: of an administrator (``key.create``), or of a guard (``mask``, ``block``).
        outcome: how a request ended. verdict, category: what some guard said.
        user: pseudonym of an end user. actor: who administered.
    """

    start: datetime | None = None
    end: datetime | None = None
    kind: str | None = None
    request_id: str | None = None
    actor: str | None = None
    method: str | None = None
    action: str | None = None
    target: str | None = None
    outcome: str | None = None
    verdict: str | None = None
    category: str | None = None
    error_code: str | None = None
    upstream: str | None = None
    zone: str | None = None
    model: str | None = None
    tier: str | None = None
    key_id: str | None = None
    project: str | None = None
    user: str | None = None

    def __post_init__(self) -> None:
        for name, value in self._texts().items():
            if not 0 < len(value) <= MAX_LENGTH:
                raise InvalidFilter(
                    f"Filter {name} by a text of 1 to {MAX_LENGTH} characters.", param=name
                )

    @property
    def selects(self) -> bool:
        """Whether something else than the time is asked for, so that records are left out."""
        return bool(self._texts())

    def conditions(self) -> list[ColumnElement[bool]]:
        """For ``WHERE``; without the times, which become bounds of ``seq``."""
        found: list[ColumnElement[bool]] = []
        if self.kind is not None:
            found.append(AuditRecord.kind == self.kind)
        if self.request_id is not None:
            found.append(AuditRecord.request_id == self.request_id)
        found += [holds(AuditRecord.body, literal(text)) for text in self.needles()]
        return found

    def needles(self) -> list[str]:
        """The texts that a body holds if the record is one of these, besides the columns."""
        return [
            member_text(MEMBERS[name], value)
            for name, value in self._texts().items()
            if name in MEMBERS
        ]

    def to_params(self) -> dict[str, str]:
        """As JSON, without what is not given; ``from_params`` reads it."""
        times = {"start": self.start, "end": self.end}
        texts = {name: isoformat(time) for name, time in times.items() if time is not None}
        return texts | self._texts()

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "RecordFilter":
        """Raises: InvalidFilter: an unknown name, or a value that is no text or time."""
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in params.items():
            if name not in known:
                raise InvalidFilter(
                    f"There is no such filter; choose of {', '.join(sorted(known))}.", param=name
                )
            if not isinstance(value, str):
                raise InvalidFilter(f"Filter {name} by a text.", param=name)
            values[name] = _instant(name, value) if name in ("start", "end") else value
        return cls(**values)

    def _texts(self) -> dict[str, str]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value
            for name, value in values.items()
            if value is not None and name not in ("start", "end")
        }


def member_text(name: str, value: str) -> str:
    """How a member stands in canonical JSON.

    >>> member_text("zone", "eu")
    '"zone":"eu"'
    """
    return encode_canonical({name: value}).decode()[1:-1]


class holds(FunctionElement[bool]):
    """Whether the first text holds the second: no patterns, and case matters."""

    type = Boolean()
    inherit_cache = True


@compiles(holds)
def _compile_holds(element: holds, compiler: Any, **kwargs: Any) -> str:
    return f"(strpos({compiler.process(element.clauses, **kwargs)}) > 0)"


@compiles(holds, "sqlite")
def _compile_sqlite_holds(element: holds, compiler: Any, **kwargs: Any) -> str:
    return f"(instr({compiler.process(element.clauses, **kwargs)}) > 0)"


def _instant(name: str, text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidFilter(f"{name} must be a time such as 2026-11-21.", param=name) from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
