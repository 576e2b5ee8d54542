"""The signed statement that is left where a person's keys were destroyed."""

from dataclasses import dataclass

from core.clock import isoformat
from gateway.audit.statement import SignedStatement
from gateway.retention.models import AuditErasure


@dataclass(frozen=True, slots=True)
class ErasureStatement(SignedStatement):
    """Whose keys, and how much was made unreadable.

    Args:
        owner: the person's pseudonym.
        bodies, conversations, entries: how many were made unreadable.
    """

    TYPE = "sovgate.audit.erasure.v1"

    tenant: str
    id: str
    owner: str
    time: str
    bodies: int
    conversations: int
    entries: int
    reason: str
    key_id: str
    public_key: str
    signature: str

    @classmethod
    def from_row(cls, row: AuditErasure) -> "ErasureStatement":
        values = {name: getattr(row, name) for name in cls.__dataclass_fields__}
        return cls(**{**values, "time": isoformat(row.time)})
