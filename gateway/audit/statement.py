"""What signed statements share: their members, the bytes that are signed, and the check."""

from dataclasses import replace
from typing import Any, ClassVar, Self

from gateway.audit.encoding import encode_canonical
from gateway.audit.keys import SigningKey, key_id, signature_holds


class SignedStatement:
    """A dataclass with ``key_id``, ``public_key`` and ``signature`` among its fields.

    All members but ``signature`` are signed, as canonical JSON with ``type``.
    """

    __slots__ = ()
    TYPE: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]
    key_id: str
    public_key: str
    signature: str

    @classmethod
    def signed_by(cls, key: SigningKey, **members: Any) -> Self:
        """The statement of these members, signed."""
        names = {"key_id": key.key_id, "public_key": key.public_key, "signature": ""}
        unsigned = cls(**members, **names)
        return replace(unsigned, signature=key.sign(unsigned.message()))

    def to_dict(self) -> dict[str, Any]:
        """All members, as exported."""
        return {"type": self.TYPE} | {
            name: getattr(self, name) for name in self.__dataclass_fields__
        }

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
