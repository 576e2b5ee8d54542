"""What a conversation remembers: which stand-in was issued for which value.

One object per tenant and conversation, kept by the caller between requests. Numbers go on
where they stopped and are never given again, so that what an upstream has cached of earlier
turns stays as it was. It holds values in clear, in memory only; how it is stored is the
caller's matter, and what is restored is the scope's: only what stands in the request itself.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable, Iterator

import msgspec

from guardrails.types import MaskMode

_KEY_BYTES = 32
Key = Callable[[], bytes]


class Remembered(msgspec.Struct, frozen=True):
    """One value and what stands for it.

    Args:
        number: of a placeholder; 0 for other modes.
        text: the stand-in as it went upstream.
    """

    entity_type: str
    value: str
    mode: MaskMode
    name: str
    number: int
    text: str

    def __repr__(self) -> str:
        """Without value and text, which have no place in a traceback."""
        return f"Remembered({self.name}_{self.number}, {self.mode})"


class ScopeMemory:
    """The stand-ins of one conversation.

    Args:
        conversation: its identifier; it means nothing here.
        hash_key: of the tenant; the same value has the same hash in all its conversations. It
            may be made when it is first needed: most conversations need neither.
        secret: of the conversation; surrogates are drawn with it.
        remembered: what earlier turns issued.
    """

    def __init__(
        self,
        conversation: str = "",
        *,
        hash_key: bytes | Key | None = None,
        secret: bytes | Key | None = None,
        remembered: Iterable[Remembered] = (),
    ) -> None:
        self.conversation = conversation
        self._hash_key = hash_key or _random_key
        self._secret = secret or _random_key
        self._entries: dict[tuple[str, str, MaskMode], Remembered] = {}
        self._last: dict[str, int] = {}
        self._texts: dict[str, str] = {}  # surrogate -> value
        self._fresh: list[Remembered] = []
        for entry in remembered:
            self._put(entry)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Remembered]:
        return iter(self._entries.values())

    def get(self, entity_type: str, value: str, mode: MaskMode) -> Remembered | None:
        return self._entries.get((entity_type, value, mode))

    def add(self, entry: Remembered) -> None:
        """Remember, and list it for writing down; a later entry takes an earlier one's place."""
        self._put(entry)
        self._fresh.append(entry)

    def last_number(self, name: str) -> int:
        """The highest number ever issued with a name, 0 for none."""
        return self._last.get(name, 0)

    def owner(self, text: str) -> str | None:
        """The value that a surrogate stands for, ``None`` if it was not issued."""
        return self._texts.get(text)

    def take_fresh(self) -> list[Remembered]:
        """What was added since the last call."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def give_back(self, entries: Iterable[Remembered]) -> None:
        """What could not be written down yet."""
        self._fresh[:0] = entries

    @property
    def has_fresh(self) -> bool:
        return bool(self._fresh)

    def value_digest(self, entity_type: str, value: str) -> bytes:
        """Keyed by the tenant: the same in all its conversations, and nowhere else."""
        if not isinstance(self._hash_key, bytes):
            self._hash_key = self._hash_key()
        return _keyed(self._hash_key, entity_type, value)

    def draw(self, *parts: str) -> bytes:
        """32 bytes that look random and are the same for the same parts in this conversation."""
        if not isinstance(self._secret, bytes):
            self._secret = self._secret()
        return _keyed(self._secret, *parts)

    def _put(self, entry: Remembered) -> None:
        self._entries[entry.entity_type, entry.value, entry.mode] = entry
        if entry.number > self._last.get(entry.name, 0):
            self._last[entry.name] = entry.number
        if entry.mode is MaskMode.SURROGATE:
            self._texts[entry.text] = entry.value


def _random_key() -> bytes:
    return os.urandom(_KEY_BYTES)


def _keyed(key: bytes, *parts: str) -> bytes:
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hmac.digest(key, text, hashlib.sha256)
