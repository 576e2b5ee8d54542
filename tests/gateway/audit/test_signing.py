"""Checkpoints go on from each other, from those of version 1, and never over damage."""

import pytest
from sqlalchemy import delete, select, update

from core.clock import ManualClock, isoformat
from core.database import Database
from gateway.audit import AuditChain, Entry, SigningKey, signing
from gateway.audit.checkpoint import GENESIS, TYPE_1, Checkpoint
from gateway.audit.encoding import encode_canonical
from gateway.audit.merkle import root_of
from gateway.audit.models import AuditCheckpoint, AuditHead, AuditRecord
from gateway.audit.verify import verify_database


def entries(first: int, count: int) -> list[Entry]:
    fields = {"upstream": None}
    return [Entry("acme", f"req_{n}", "request", fields) for n in range(first, first + count)]


async def stored(database: Database) -> list[AuditCheckpoint]:
    async with database.session() as session:
        return list(await session.scalars(select(AuditCheckpoint).order_by(AuditCheckpoint.seq)))


async def hashes(database: Database) -> list[bytes]:
    async with database.session() as session:
        query = select(AuditRecord.hash).order_by(AuditRecord.seq)
        return [bytes.fromhex(text) for text in await session.scalars(query)]


async def test_each_signs_the_root_of_all_records_so_far(
    audit_database: Database, chain: AuditChain, key: SigningKey
) -> None:
    for first, count in ((1, 1), (2, 5), (7, 10)):
        async with audit_database.transaction() as session:
            await chain.append(session, entries(first, count))
            await chain.checkpoint(session, "acme")
    rows, leaves = await stored(audit_database), await hashes(audit_database)
    assert [(row.seq, row.previous_seq) for row in rows] == [(1, 0), (6, 1), (16, 6)]
    assert [row.root for row in rows] == [root_of(leaves[: row.seq]).hex() for row in rows]
    async with audit_database.session() as session:
        (report,) = await verify_database(session, None, [key.public_key])
    assert report.ok


@pytest.fixture
def steps_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "MAX_RECORDS", 4)


@pytest.mark.usefixtures("steps_of_four")
async def test_a_chain_with_checkpoints_of_version_1_gets_a_tree_in_steps(
    audit_database: Database, chain: AuditChain, clock: ManualClock, key: SigningKey
) -> None:
    """Signed before there were trees at 8 and 10; one of the steps ends at 8, too."""
    async with audit_database.transaction() as session:
        await chain.append(session, entries(1, 10))
        for seq in (8, 10):
            row = select(AuditRecord.hash).where(AuditRecord.seq == seq)
            old = _version_1(key, seq, (await session.execute(row)).scalar_one(), clock)
            session.add(
                AuditCheckpoint(
                    tenant="acme",
                    seq=seq,
                    count=seq,
                    hash=old.last_hash,
                    time=clock.now(),
                    key_id=old.key_id,
                    public_key=old.public_key,
                    signature=old.signature,
                )
            )
        await session.execute(update(AuditHead).values(checkpoint_seq=10))
    async with audit_database.session() as session:
        (report,) = await verify_database(session, None, [key.public_key])
    assert (report.ok, report.key_source) == (True, "pinned")
    async with audit_database.transaction() as session:
        assert await chain.checkpoint(session, "acme") is None, "10 is signed"
        await chain.append(session, entries(11, 1))
    for seq in (4, 8, 11):
        async with audit_database.transaction() as session:
            signed = await chain.checkpoint(session, "acme")
        assert signed is not None
        assert signed.last_seq == seq
        async with audit_database.session() as session:
            (report,) = await verify_database(session, None, [key.public_key])
        assert report.ok, (seq, report)
    async with audit_database.transaction() as session:
        assert await chain.checkpoint(session, "acme") is None
    rows = await stored(audit_database)
    assert [(row.seq, row.root is not None) for row in rows] == [
        (4, True),
        (8, True),
        (10, False),
        (11, True),
    ]


def _version_1(key: SigningKey, seq: int, last_hash: str, clock: ManualClock) -> Checkpoint:
    """As they were written then."""
    members = {
        "type": TYPE_1,
        "tenant": "acme",
        "first_seq": 1,
        "last_seq": seq,
        "count": seq,
        "first_prev_hash": GENESIS,
        "last_hash": last_hash,
        "time": isoformat(clock.now()),
        "key_id": key.key_id,
        "public_key": key.public_key,
    }
    return Checkpoint.from_dict(members | {"signature": key.sign(encode_canonical(members))})


async def test_what_is_damaged_is_not_signed(audit_database: Database, chain: AuditChain) -> None:
    async with audit_database.transaction() as session:
        await chain.append(session, entries(1, 6))
        await chain.checkpoint(session, "acme")
        await chain.append(session, entries(7, 4))
    damages = (
        delete(AuditRecord).where(AuditRecord.seq == 8),
        update(AuditRecord).where(AuditRecord.seq == 8).values(prev_hash="ab" * 32),
        update(AuditRecord).where(AuditRecord.seq == 10).values(hash="ab" * 32),
        update(AuditHead).values(hash="ab" * 32),
        update(AuditCheckpoint).values(peaks=b"\0" * 64),
        update(AuditCheckpoint).values(signature="00" * 64),
    )
    for damage in damages:
        async with audit_database.transaction() as session:
            await session.execute(damage)
            session.expire_all()
            assert await chain.checkpoint(session, "acme") is None, damage
            await session.rollback()
    async with audit_database.transaction() as session:
        assert await chain.checkpoint(session, "acme") is not None
