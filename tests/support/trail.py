"""A tenant's trail of made-up requests, bodies and actions, for tests of what is done to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from core.clock import ManualClock, isoformat
from core.database import Database
from gateway.archive import BodySealer, BodySink
from gateway.audit import AuditChain, Entry, SigningKey, append_admin
from gateway.pseudonyms import end_user_pseudonym
from gateway.retention.erasure import Person, erase_person, finish_erasure
from gateway.retention.statements import ErasureStatement
from gateway.vault import MasterKeys

PEPPER = b"p" * 32
GRETA = end_user_pseudonym(PEPPER, "acme", "greta")
BORIS = end_user_pseudonym(PEPPER, "acme", "boris")


@dataclass
class Trail:
    """Writes into one database as a gateway would."""

    database: Database
    clock: ManualClock
    key: SigningKey
    master: MasterKeys
    folder: Path
    chain: AuditChain = field(init=False)
    sealer: BodySealer = field(init=False)
    sink: BodySink = field(init=False)
    number: int = 0

    def __post_init__(self) -> None:
        self.chain = AuditChain(self.clock, self.key)
        self.sealer = BodySealer(self.database, self.clock, self.master)
        self.sink = BodySink(self.sealer, self.clock)

    @classmethod
    def open(cls, database: Database, clock: ManualClock, folder: Path) -> "Trail":
        key = SigningKey.load_or_create(None, folder)
        return cls(database, clock, key, MasterKeys.load(None, None, folder), folder)

    async def requests(
        self,
        count: int = 1,
        *,
        tenant: str = "acme",
        user: str | None = GRETA,
        body: bytes | None = None,
        kept: timedelta = timedelta(days=7),
        **fields: Any,
    ) -> list[str]:
        """Records of requests, each with a stored prompt where ``body`` is given; their ids."""
        entries: list[Entry] = []
        sealed: list[dict[str, str]] = []
        for _ in range(count):
            self.number += 1
            request_id = f"req_{self.number:04}"
            record = self.record(tenant, user) | fields
            if body is not None:
                record["bodies"] = [await self.seal(tenant, request_id, user, body, kept, sealed)]
            entries.append(Entry(tenant, request_id, "request", record))
        async with self.database.transaction() as session:
            await self.sink.store(session, sealed)
            await self.chain.append(session, entries)
        return [entry.request_id for entry in entries]

    async def action(self, action: str, target: str, reason: str | None = None) -> None:
        async with self.database.transaction() as session:
            await append_admin(
                session,
                tenant="acme",
                actor="usr_1",
                method="session",
                action=action,
                target=target,
                reason=reason,
                clock=self.clock,
            )

    async def checkpoint(self, tenant: str = "acme") -> None:
        async with self.database.transaction() as session:
            await self.chain.checkpoint(session, tenant)

    async def days(self, count: int, per_day: int = 4, **options: Any) -> None:
        """Requests over days, with a checkpoint each night."""
        for _ in range(count):
            await self.requests(per_day, **options)
            await self.checkpoint(options.get("tenant", "acme"))
            self.clock.advance(timedelta(days=1))

    async def seal(
        self,
        tenant: str,
        request_id: str,
        user: str | None,
        body: bytes,
        kept: timedelta,
        sealed: list[dict[str, str]],
    ) -> dict[str, Any]:
        await self.sealer.prepare(tenant)
        expires = self.clock.now() + kept
        one = self.sealer.seal(
            tenant, request_id, "prompt", body, owner=user or "key_1", expires=expires
        )
        sealed.append(one.to_json())
        return {
            "part": "prompt",
            "digest": one.digest,
            "size": len(one.sealed),
            "cut": False,
            "until": one.expires,
        }

    def record(self, tenant: str, user: str | None) -> dict[str, Any]:
        return {
            "outcome": "completed",
            "surface": "chat",
            "started_at": isoformat(self.clock.now()),
            "user": user,
            "policy": "default",
            "policy_digest": "sha256:" + "ab" * 32,
            "detectors": _DETECTORS,
            "masked": {"PERSON": 2, "EMAIL_ADDRESS": 1},
            "upstream": "pool",
            "zone": "onprem",
            "model": "sov-flash",
            "weights_digest": "sha256:" + "cd" * 32,
            "tokens": {"input": 120, "output": 40, "estimated": False},
        }


_DETECTORS: Sequence[dict[str, Any]] = [
    {"name": "pii", "version": "rules-7+ner-3", "direction": "input", "verdict": "found",
     "action": "mask"},
    {"name": "moderation", "version": "4", "direction": "input", "verdict": "clear",
     "action": "allow"},
]  # fmt: skip


async def erase_as_commanded(
    trail: Trail, pseudonym: str, *values: str, tenant: str = "acme"
) -> ErasureStatement:
    """As the command and the admin API do it."""
    wrapper = MasterKeys.load(None, None, trail.folder)
    async with trail.database.transaction() as session:
        statement = await erase_person(
            session,
            wrapper,
            trail.key,
            tenant,
            Person(pseudonym, values),
            reason="asked for",
            now=trail.clock.now(),
        )
    await finish_erasure(trail.database, wrapper)
    return statement
