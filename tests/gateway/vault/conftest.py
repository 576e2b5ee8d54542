"""A vault over a database of each kind, and what a replica beside it would open."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import ManualClock
from core.database import Database
from gateway.vault import MasterKeys, Vault, VaultOptions
from guardrails.pii import MaskScope, ScopeMemory, Span
from guardrails.types import MaskMode

NAMES = ("Greta Vogel", "greta.vogel@example.com", "Ann Oak", "Bo Lind", "李雷", "Vogel")


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def answer(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


class Replica:
    """One process with a vault of its own."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault

    async def turn(
        self,
        *messages: dict[str, Any],
        tenant: str = "acme",
        key: str = "key_1",
        conversation: str | None = None,
        modes: dict[str, MaskMode] | None = None,
        end_user: str | None = None,
    ) -> list[str]:
        """One request of these messages; returns them as they go upstream."""
        headers = {b"x-sovgate-conversation-id": conversation.encode()} if conversation else {}
        memory = await self.vault.open(tenant, key, {"messages": list(messages)}, headers, end_user)
        masked = mask(memory, [message["content"] for message in messages], modes)
        self.vault.keep(memory)
        await self.vault.kept(memory)
        return masked


def mask(
    memory: ScopeMemory, texts: list[str], modes: dict[str, MaskMode] | None = None
) -> list[str]:
    scope = MaskScope(texts, memory=memory, modes=modes)
    return scope.mask_all(texts, [_spans(text) for text in texts])


def _spans(text: str) -> list[Span]:
    found: list[Span] = []
    for name in NAMES:
        start = text.find(name)
        if start >= 0 and not any(span.start <= start < span.end for span in found):
            kind = "EMAIL_ADDRESS" if "@" in name else "PERSON"
            found.append(Span(start, start + len(name), kind, 1.0, "test@1"))
    return sorted(found, key=lambda span: span.start)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 22, 12, tzinfo=UTC))


@pytest.fixture
def master_file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "vault-master-key"


Open = Callable[..., Any]


@pytest.fixture
async def replica(database: Database, clock: ManualClock, master_file: Path) -> AsyncIterator[Open]:
    """Opens replicas that share the database and the master key's file."""
    vaults: list[Vault] = []

    async def open_one(**options: Any) -> Replica:
        master = MasterKeys.load(None, None, master_file.parent)
        chosen = VaultOptions(
            **{"ttl": timedelta(days=7), "watch_s": 0.05, "purge_s": 1e9, **options}
        )
        vault = Vault(database, clock, master, chosen)
        await vault.start()
        vaults.append(vault)
        return Replica(vault)

    yield open_one
    for vault in vaults:
        await vault.stop()
