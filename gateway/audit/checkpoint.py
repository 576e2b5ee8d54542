"""Checkpoints: what is signed about a run of records, and how it is checked.

The signed message is the canonical JSON of all members but ``signature``. A
stored checkpoint speaks of records 1 to ``last_seq``; the one in an export
speaks of exactly the exported records.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.clock import isoformat
from gateway.audit.encoding import encode_canonical
from gateway.audit.errors import InvalidRecord
from gateway.audit.keys import SigningKey, key_id, signature_holds

TYPE = "sovgate.audit.checkpoint.v1"
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement about records ``first_seq`` to ``last_seq`` of one chain."""

    tenant: str
    first_seq: int
    last_seq: int
    count: int
    first_prev_hash: str
    last_hash: str
    time: str
    key_id: str
    public_key: str
    signature: str

    @classmethod
    def sign(
        cls,
        key: SigningKey,
        *,
        tenant: str,
        first_seq: int,
        last_seq: int,
        first_prev_hash: str,
        last_hash: str,
        time: datetime,
    ) -> "Checkpoint":
        """Sign that the range is whole (its count follows from its ends)."""
        unsigned = cls(
            tenant=tenant,
            first_seq=first_seq,
            last_seq=last_seq,
            count=last_seq - first_seq + 1,
            first_prev_hash=first_prev_hash,
            last_hash=last_hash,
            time=isoformat(time),
            key_id=key.key_id,
            public_key=key.public_key,
            signature="",
        )
        members = unsigned.to_dict() | {"signature": key.sign(unsigned.message())}
        return cls.from_dict(members)

    @classmethod
    def from_dict(cls, members: Any) -> "Checkpoint":
        """Read the ``checkpoint`` member of an exported record.

        Raises:
            InvalidRecord: it has other members or types.
        """
        if not isinstance(members, dict) or members.get("type") != TYPE:
            raise InvalidRecord(f"A checkpoint is an object of type {TYPE}.")
        values = {name: value for name, value in members.items() if name != "type"}
        if set(values) != set(cls.__dataclass_fields__):
            raise InvalidRecord("A checkpoint has a member too many or too few.")
        for name, value in values.items():
            wanted = int if name in ("first_seq", "last_seq", "count") else str
            if type(value) is not wanted:
                raise InvalidRecord(f"The checkpoint's {name} is not of the right type.")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All members, as exported."""
        members = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"type": TYPE, **members}

    def message(self) -> bytes:
        """The bytes that are signed."""
        members = self.to_dict()
        del members["signature"]
        return encode_canonical(members)

    def holds(self) -> bool:
        """Whether the embedded key signed exactly this; says nothing about whose key it is."""
        try:
            named = key_id(self.public_key)
        except ValueError:
            return False
        return named == self.key_id and signature_holds(
            self.public_key, self.message(), self.signature
        )
