"""Between what a conversation remembers and the rows that keep it.

An entry is sealed by its subject's key and bound to its tenant, conversation and slot.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag

from gateway.vault.keys import TenantKeys, new_key, open_sealed, seal
from gateway.vault.repository import SealedEntry
from guardrails.pii.masking.memory import Remembered
from guardrails.types import MaskMode


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that is not sealed yet."""

    conversation: str
    slot: str
    subject: str
    entry: Remembered


def draft(keys: TenantKeys, conversation: str, entry: Remembered) -> Draft:
    """Where an entry belongs. The slot of a surrogate is a keyed digest: it tells a name."""
    if entry.mode is MaskMode.SURROGATE:
        slot = f"surrogate:{keys.digest('slot', conversation, entry.text).hex()}"
    else:
        slot = f"{entry.name}_{entry.number}"[:128]
    return Draft(conversation, slot, keys.subject(entry.value), entry)


def subject_key(
    keys: TenantKeys, subject: str, stored: Mapping[str, bytes]
) -> tuple[bytes, bytes | None]:
    """The plain key of ``subject``, and how it is stored where it is new."""
    if subject in stored:
        return keys.unwrap(subject, stored[subject]), None
    key = new_key()
    return key, keys.wrap(subject, key)


def seal_entry(keys: TenantKeys, key: bytes, draft: Draft) -> bytes:
    entry = draft.entry
    fields = [entry.entity_type, entry.value, entry.mode, entry.name, entry.number, entry.text]
    place = (keys.tenant, draft.conversation, draft.slot, draft.subject)
    return seal(key, json.dumps(fields).encode(), "entry", *place)


def open_entry(keys: TenantKeys, row: SealedEntry) -> Remembered | None:
    """The entry, or ``None`` if its keys were destroyed."""
    try:
        key = keys.unwrap(row.subject, row.wrapped)
        place = (keys.tenant, row.conversation, row.slot, row.subject)
        fields = json.loads(open_sealed(key, row.sealed, "entry", *place))
    except InvalidTag:
        return None
    entity_type, value, mode, name, number, text = fields
    return Remembered(entity_type, value, MaskMode(mode), name, number, text)


def reseal_entry(keys: TenantKeys, row: SealedEntry, key: bytes) -> bytes | None:
    """The entry sealed by another key; ``None`` if its own was destroyed."""
    place = (keys.tenant, row.conversation, row.slot, row.subject)
    try:
        plain = open_sealed(keys.unwrap(row.subject, row.wrapped), row.sealed, "entry", *place)
    except InvalidTag:
        return None
    return seal(key, plain, "entry", *place)


def open_entries(keys: TenantKeys, rows: Iterable[SealedEntry]) -> list[Remembered]:
    """Those that still open."""
    entries = (open_entry(keys, row) for row in rows)
    return [entry for entry in entries if entry is not None]
