"""The signed statement that is left where a person's keys were destroyed."""

from dataclasses import dataclass, replace
from typing import Any

from core.clock import isoformat
from gateway.audit.encoding import encode_canonical
from gateway.audit.keys import SigningKey, key_id, signature_holds
from gateway.retention.models import AuditErasure

TYPE = "sovgate.audit.erasure.v1"


@dataclass(frozen=True, slots=True)
class ErasureStatement:
    """All but ``signature`` is signed, as canonical JSON with ``type``.

    Args:
        owner: the person's pseudonym.
        bodies, conversations, entries: how many were made unreadable.
    """

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
    def sign(cls, key: SigningKey, **members: Any) -> "ErasureStatement":
        unsigned = cls(**members, key_id=key.key_id, public_key=key.public_key, signature="")
        return replace(unsigned, signature=key.sign(unsigned.message()))

    @classmethod
    def from_row(cls, row: AuditErasure) -> "ErasureStatement":
        values = {name: getattr(row, name) for name in cls.__dataclass_fields__}
        return cls(**{**values, "time": isoformat(row.time)})

    def to_dict(self) -> dict[str, Any]:
        return {"type": TYPE} | {name: getattr(self, name) for name in self.__dataclass_fields__}

    def message(self) -> bytes:
        """The bytes that are signed."""
        members = self.to_dict()
        del members["signature"]
        return encode_canonical(members)

    def holds(self) -> bool:
        """Whether the named key has signed exactly this."""
        try:
            named = key_id(self.public_key)
        except ValueError:
            return False
        return named == self.key_id and signature_holds(
            self.public_key, self.message(), self.signature
        )
