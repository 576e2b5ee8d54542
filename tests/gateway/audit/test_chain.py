import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core.clock import ManualClock
from core.database import Database
from gateway.audit import AuditChain, Entry, InvalidRecord, SigningKeyUnusable
from gateway.audit.chain import link_hash, make_body
from gateway.audit.checkpoint import GENESIS, Checkpoint
from gateway.audit.models import AuditCheckpoint, AuditHead, AuditRecord
from gateway.audit.verify import verify_database


def entry(number: int, tenant: str = "acme", **fields: Any) -> Entry:
    return Entry(tenant, f"req_{number}", "request", {"upstream": None, **fields})


async def records(database: Database, tenant: str = "acme") -> list[AuditRecord]:
    async with database.session() as session:
        query = select(AuditRecord).where(AuditRecord.tenant == tenant).order_by(AuditRecord.seq)
        return list(await session.scalars(query))


def test_the_hash_is_that_of_the_previous_hash_and_the_canonical_body() -> None:
    time = datetime(2026, 11, 21, 12, tzinfo=UTC)
    body = make_body(entry(1, cost="0.5"), 1, time)
    assert body == (
        b'{"cost":"0.5","kind":"request","request_id":"req_1","schema":1,"seq":1,'
        b'"tenant":"acme","time":"2026-11-21T12:00:00.000000Z","upstream":null}'
    )
    assert link_hash(GENESIS, body) == hashlib.sha256(bytes(32) + body).hexdigest()


@pytest.mark.parametrize("name", ["seq", "hash", "prev_hash", "time", "checkpoint", "kind"])
def test_a_record_cannot_set_the_fields_of_the_chain(name: str) -> None:
    with pytest.raises(InvalidRecord):
        make_body(entry(1, **{name: "x"}), 1, datetime.now(UTC))


async def test_each_tenant_has_its_own_chain(audit_database: Database, chain: AuditChain) -> None:
    entries = [entry(number, tenant) for number in range(5) for tenant in ("acme", "globex")]
    async with audit_database.transaction() as session:
        assert await chain.append(session, entries[:4]) == 4
    async with audit_database.transaction() as session:
        assert await chain.append(session, entries[4:]) == 6
    for tenant in ("acme", "globex"):
        rows = await records(audit_database, tenant)
        assert [row.seq for row in rows] == [1, 2, 3, 4, 5]
        assert [row.request_id for row in rows] == [f"req_{number}" for number in range(5)]
        previous = GENESIS
        for row in rows:
            assert row.prev_hash == previous
            assert row.hash == link_hash(previous, row.body.encode())
            previous = row.hash


async def test_what_the_chain_has_is_skipped(audit_database: Database, chain: AuditChain) -> None:
    async with audit_database.transaction() as session:
        await chain.append(session, [entry(1), entry(2)])
    async with audit_database.transaction() as session:
        assert await chain.append(session, [entry(2), entry(3), entry(3), entry(1)]) == 1
    rows = await records(audit_database)
    assert [row.request_id for row in rows] == ["req_1", "req_2", "req_3"]


async def test_a_transaction_that_fails_leaves_nothing(
    audit_database: Database, chain: AuditChain
) -> None:
    async def act() -> None:
        async with audit_database.transaction() as session:
            await chain.append(session, [entry(1)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await act()
    assert await records(audit_database) == []
    async with audit_database.transaction() as session:
        await chain.append(session, [entry(2)])
    assert [row.seq for row in await records(audit_database)] == [1]


async def test_many_writers_make_one_chain(audit_database: Database, chain: AuditChain) -> None:
    async def write(writer: int) -> None:
        for number in range(5):
            async with audit_database.transaction() as session:
                entries = [entry(writer * 100 + number, tenant) for tenant in ("globex", "acme")]
                await chain.append(session, entries[:: 1 if writer % 2 else -1])

    await asyncio.gather(*(write(writer) for writer in range(8)))
    assert [row.seq for row in await records(audit_database)] == list(range(1, 41))
    async with audit_database.session() as session:
        reports = await verify_database(session)
    assert [(report.ok, report.records) for report in reports] == [(True, 40), (True, 40)]


async def test_time_never_goes_back(
    audit_database: Database, chain: AuditChain, clock: ManualClock
) -> None:
    for number, step in enumerate((0, -3600, 7200)):
        clock.advance(timedelta(seconds=step))
        async with audit_database.transaction() as session:
            await chain.append(session, [entry(number)])
    times = [row.time.hour for row in await records(audit_database)]
    assert times == [12, 12, 13]


async def test_a_checkpoint_signs_the_chain_up_to_its_head(
    audit_database: Database, chain: AuditChain
) -> None:
    async with audit_database.transaction() as session:
        await chain.append(session, [entry(number) for number in range(3)])
        assert await chain.unsigned_tenants(session) == ["acme"]
    async with audit_database.transaction() as session:
        signed = await chain.checkpoint(session, "acme")
    assert signed is not None
    assert signed.holds()
    assert (signed.first_seq, signed.last_seq, signed.count) == (1, 3, 3)
    assert signed.last_hash == (await records(audit_database))[-1].hash
    async with audit_database.transaction() as session:
        assert await chain.checkpoint(session, "acme") is None, "nothing new to sign"
        assert await chain.checkpoint(session, "nobody") is None
        assert await chain.unsigned_tenants(session) == []
        stored = await session.get_one(AuditCheckpoint, ("acme", 3))
        head = await session.get_one(AuditHead, "acme")
    assert (stored.signature, stored.count) == (signed.signature, 3)
    assert head.checkpoint_seq == 3


async def test_a_checkpoint_needs_a_key(audit_database: Database, clock: ManualClock) -> None:
    async with audit_database.session() as session:
        with pytest.raises(SigningKeyUnusable):
            await AuditChain(clock).checkpoint(session, "acme")


@pytest.mark.parametrize(
    "name", [name for name in Checkpoint.__dataclass_fields__ if name != "successions"]
)
def test_no_member_of_a_checkpoint_can_be_changed(name: str, key: Any) -> None:
    signed = Checkpoint.sign(
        key,
        tenant="acme",
        first_seq=2,
        last_seq=9,
        first_prev_hash="0" * 64,
        last_hash="ab" * 32,
        root="cd" * 32,
        previous_seq=1,
        time=datetime.now(UTC),
    )
    members = signed.to_dict()
    assert Checkpoint.from_dict(members) == signed
    old = members[name]
    changed = old + 1 if isinstance(old, int) else old[:-1] + ("0" if old[-1] != "0" else "1")
    assert not Checkpoint.from_dict({**members, name: changed}).holds()
    with pytest.raises(InvalidRecord):
        Checkpoint.from_dict({**members, name: None})
    without = {k: v for k, v in members.items() if k != name}
    if name == "previous_seq":  # the only one that an export's has not
        assert not Checkpoint.from_dict(without).holds()
        return
    with pytest.raises(InvalidRecord):
        Checkpoint.from_dict(without)


def test_another_spelling_of_a_signature_does_not_hold(key: Any) -> None:
    signed = Checkpoint.sign(
        key,
        tenant="acme",
        first_seq=1,
        last_seq=1,
        first_prev_hash=GENESIS,
        last_hash=GENESIS,
        root=GENESIS,
        time=datetime.now(UTC),
    )
    members = signed.to_dict()
    for name in ("signature", "public_key"):
        upper = Checkpoint.from_dict({**members, name: members[name].upper()})
        assert not upper.holds()
