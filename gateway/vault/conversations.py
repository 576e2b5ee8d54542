"""The conversations that this process knows, in bounded memory, latest used last."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from gateway.vault.keys import TenantKeys
from guardrails.pii import ScopeMemory

_MESSAGES_PER_CONVERSATION = 16
# About half a kilobyte each, so that conversations of many values cannot fill the memory.
_VALUES_PER_CONVERSATION = 8


@dataclass(slots=True, weakref_slot=True)
class Held:
    """A conversation in memory.

    Args:
        messages: digests that were seen, whether or not they are written yet.
        unwritten: those that the database does not know.
        users: pseudonyms of the end users it has served in this process.
        stale: another replica has issued stand-ins since it was read.
    """

    tenant: str
    id: str
    keys: TenantKeys
    memory: ScopeMemory
    expires_at: datetime
    unwritten: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    stale: bool = False


class Conversations:
    """Held conversations by identifier and by the messages seen in them.

    Args:
        most: conversations held; the longest unused goes first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[tuple[str, str], Held] = OrderedDict()
        self._sizes: dict[tuple[str, str], int] = {}  # values, as last counted
        self._values = 0
        self._messages: OrderedDict[tuple[str, str], str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, tenant: str, conversation: str) -> Held | None:
        held = self._held.get((tenant, conversation))
        if held is not None:
            self._held.move_to_end((tenant, conversation))
        return held

    def known(self, tenant: str, digest: str) -> bool:
        return (tenant, digest) in self._messages

    def of_messages(self, tenant: str, digests: Iterable[str]) -> Held | None:
        """The held conversation of the first of these messages that is known."""
        for digest in digests:
            conversation = self._messages.get((tenant, digest))
            held = None if conversation is None else self.get(tenant, conversation)
            if held is not None:
                return held
        return None

    def put(self, held: Held) -> None:
        key = (held.tenant, held.id)
        self._pop(key)
        self._held[key] = held
        self._sizes[key] = len(held.memory)
        self._values += len(held.memory)
        most_values = self._most * _VALUES_PER_CONVERSATION
        while len(self._held) > self._most or (self._values > most_values and len(self._held) > 1):
            self._pop(next(iter(self._held)))

    def recount(self, held: Held) -> None:
        """A turn has added values: those used longest ago make room."""
        if self._held.get((held.tenant, held.id)) is held:
            self.put(held)

    def note(self, held: Held, digests: Iterable[str]) -> None:
        """Remember that these messages are of this conversation."""
        for digest in digests:
            key = (held.tenant, digest)
            if self._messages.get(key) != held.id:
                held.unwritten.add(digest)
            self._messages[key] = held.id
            self._messages.move_to_end(key)
        while len(self._messages) > self._most * _MESSAGES_PER_CONVERSATION:
            self._messages.popitem(last=False)

    def forget(self, held: Held) -> None:
        self._pop((held.tenant, held.id))

    def drop(self, tenant: str) -> None:
        """Forget a tenant: its keys have changed."""
        for key in [key for key in self._held if key[0] == tenant]:
            self._pop(key)
        for key in [key for key in self._messages if key[0] == tenant]:
            del self._messages[key]

    def _pop(self, key: tuple[str, str]) -> None:
        if self._held.pop(key, None) is not None:
            self._values -= self._sizes.pop(key)
