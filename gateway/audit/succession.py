"""Which keys may sign: a key names its successor, and the successor names it.

Whoever has pinned one public key of a deployment follows these statements
forward (the older key signed them) and back (so did the newer one), and so
accepts every key of the deployment and no stranger's. They say nothing about a
key that was stolen: its thief can sign a statement, too.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.clock import isoformat
from gateway.audit.encoding import encode_canonical
from gateway.audit.errors import InvalidRecord
from gateway.audit.keys import SigningKey, key_id, signature_holds

TYPE = "sovgate.audit.succession.v1"


@dataclass(frozen=True, slots=True)
class Succession:
    """``public_key`` hands over to ``successor``; both have signed the other members."""

    public_key: str
    successor: str
    time: str
    signature: str
    successor_signature: str

    @classmethod
    def sign(cls, key: SigningKey, successor: SigningKey, time: datetime) -> "Succession":
        """Both keys are needed."""
        unsigned = cls(key.public_key, successor.public_key, isoformat(time), "", "")
        message = unsigned.message()
        return cls(
            key.public_key,
            successor.public_key,
            unsigned.time,
            key.sign(message),
            successor.sign(message),
        )

    @classmethod
    def from_dict(cls, members: Any) -> "Succession":
        """Raises: InvalidRecord, for other members or types."""
        if not isinstance(members, dict) or members.get("type") != TYPE:
            raise InvalidRecord(f"A succession is an object of type {TYPE}.")
        values = {name: value for name, value in members.items() if name != "type"}
        if set(values) != set(cls.__dataclass_fields__):
            raise InvalidRecord("A succession has a member too many or too few.")
        if not all(type(value) is str for value in values.values()):
            raise InvalidRecord("The members of a succession are text.")
        return cls(**values)

    def to_dict(self) -> dict[str, str]:
        """All members, as exported."""
        return {"type": TYPE} | {name: getattr(self, name) for name in self.__dataclass_fields__}

    def message(self) -> bytes:
        """The bytes that both keys sign."""
        members = self.to_dict()
        del members["signature"], members["successor_signature"]
        return encode_canonical(members)

    def holds(self) -> bool:
        """Whether both keys have signed exactly this."""
        message = self.message()
        return (
            self.public_key != self.successor
            and signature_holds(self.public_key, message, self.signature)
            and signature_holds(self.successor, message, self.successor_signature)
        )


class Trust:
    """The keys that a verifier accepts: those pinned, and what leads to and from them.

    Attributes:
        keys: all of them; empty where nothing is pinned.

    Of a key with two successors neither is accepted: one of them is a thief's.
    """

    def __init__(self, pinned: Collection[str], successions: Iterable[Succession] = ()) -> None:
        self.pinned = frozenset(pinned)
        self.keys = set(self.pinned)
        valid = {item for item in successions if pinned and item.holds()}
        parents = [item.public_key for item in valid]
        links = [(i.public_key, i.successor) for i in valid if parents.count(i.public_key) == 1]
        grown = True
        while grown:
            before = len(self.keys)
            for older, newer in links:
                if older in self.keys or newer in self.keys:
                    self.keys |= {older, newer}
            grown = len(self.keys) > before

    def accepts(self, public_key: str) -> bool:
        """Whether a signature of this key counts; with nothing pinned, any does."""
        return not self.pinned or public_key in self.keys

    def named(self) -> str:
        """The ids of the pinned keys."""
        return ", ".join(sorted(key_id(key) for key in self.pinned))
