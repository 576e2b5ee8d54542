"""Checkpoints: what is signed about a run of records, and how it is checked.

The signed message is the canonical JSON of all members but ``signature``. A
stored checkpoint speaks of records 1 to ``last_seq``; the one in an export
speaks of exactly the exported records, and carries the successions of keys.
Checkpoints of version 1, which have no Merkle root, are still read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.clock import isoformat
from gateway.audit.errors import InvalidRecord
from gateway.audit.keys import SigningKey
from gateway.audit.statement import SignedStatement
from gateway.audit.succession import Succession

TYPE_1 = "sovgate.audit.checkpoint.v1"
TYPE = "sovgate.audit.checkpoint.v2"
GENESIS = "0" * 64
_TYPES = {
    "tenant": str,
    "first_seq": int,
    "last_seq": int,
    "count": int,
    "first_prev_hash": str,
    "last_hash": str,
    "time": str,
    "key_id": str,
    "public_key": str,
    "signature": str,
    "root": str,
}


@dataclass(frozen=True, slots=True)
class Checkpoint(SignedStatement):
    """A signed statement about records ``first_seq`` to ``last_seq`` of one chain.

    ``root`` is that of the Merkle tree over their hashes, None in version 1.
    ``previous_seq`` is the ``last_seq`` of the stored checkpoint before (0: this is the
    first with a tree), None in an export.
    """

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
    root: str | None = None
    previous_seq: int | None = None
    successions: tuple[Succession, ...] = ()

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
        root: str,
        time: datetime,
        previous_seq: int | None = None,
        successions: Sequence[Succession] = (),
    ) -> "Checkpoint":
        """Sign that the range is whole (its count follows from its ends)."""
        return cls.signed_by(
            key,
            tenant=tenant,
            first_seq=first_seq,
            last_seq=last_seq,
            count=last_seq - first_seq + 1,
            first_prev_hash=first_prev_hash,
            last_hash=last_hash,
            time=isoformat(time),
            root=root,
            previous_seq=previous_seq,
            successions=tuple(successions),
        )

    @classmethod
    def from_dict(cls, members: Any) -> "Checkpoint":
        """Read the ``checkpoint`` member of an exported record.

        Raises:
            InvalidRecord: it has other members or types.
        """
        kind = members.get("type") if isinstance(members, dict) else None
        if kind not in (TYPE, TYPE_1):
            raise InvalidRecord(f"A checkpoint is an object of type {TYPE}.")
        values = {name: value for name, value in members.items() if name != "type"}
        successions = values.pop("successions", ()) if kind == TYPE else ()
        wanted = set(_TYPES) if kind == TYPE else set(_TYPES) - {"root"}
        if set(values) - ({"previous_seq"} if kind == TYPE else set()) != wanted:
            raise InvalidRecord("A checkpoint has a member too many or too few.")
        for name, value in values.items():
            if type(value) is not _TYPES.get(name, int):
                raise InvalidRecord(f"The checkpoint's {name} is not of the right type.")
        if "successions" in members and (not isinstance(successions, list) or not successions):
            raise InvalidRecord("A checkpoint's successions are a list that is not empty.")
        return cls(**values, successions=tuple(map(Succession.from_dict, successions)))

    def to_dict(self) -> dict[str, Any]:
        """All members, as exported."""
        members = {name: getattr(self, name) for name in self.__dataclass_fields__}
        members["successions"] = [item.to_dict() for item in self.successions]
        for name in ("root", "previous_seq", "successions"):
            if members[name] in (None, []):
                del members[name]
        return {"type": TYPE_1 if self.root is None else TYPE, **members}
