"""Retention removes what is due and nothing else, and the chain stays verifiable."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from gateway.archive.models import AuditBody
from gateway.archive.reading import read_bodies
from gateway.archive.repository import ArchiveRepository
from gateway.audit.errors import ChainDamaged
from gateway.audit.keys import SigningKey
from gateway.audit.models import AuditPruning, AuditRecord
from gateway.audit.proofs import prove
from gateway.audit.verify import VerifyReport, verify_database
from gateway.retention.holds import Holds, HoldScope
from gateway.retention.removal import Removal, remove_due
from gateway.vault.models import VaultDataKey
from support.trail import BORIS, GRETA, Trail


async def remove(trail: Trail, days: int | None, tenant: str = "acme") -> Removal:
    async with trail.database.transaction() as session:
        return await remove_due(session, tenant, trail.key, trail.clock.now(), days)


async def hold(trail: Trail, **scope: Any) -> str:
    async with trail.database.transaction() as session:
        made = await Holds(session, "acme").create(
            HoldScope(**scope), reason="case 7", author="cli", now=trail.clock.now()
        )
        return made.id


async def verified(trail: Trail) -> VerifyReport:
    async with trail.database.session() as session:
        (report,) = await verify_database(session, ["acme"], [trail.key.public_key])
    return report


async def seqs(trail: Trail, tenant: str = "acme") -> list[int]:
    async with trail.database.session() as session:
        query = select(AuditRecord.seq).where(AuditRecord.tenant == tenant)
        return list(await session.scalars(query.order_by(AuditRecord.seq)))


async def count(trail: Trail, table: Any) -> int:
    async with trail.database.session() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_old_records_go_up_to_a_checkpoint_and_the_rest_verifies(trail: Trail) -> None:
    await trail.days(5)  # records 1 to 20
    await trail.requests(3)
    removal = await remove(trail, 3)
    assert removal.records == 8  # those of the first two days
    assert await seqs(trail) == list(range(9, 24))
    report = await verified(trail)
    assert (report.ok, report.first_seq, report.last_seq) == (True, 9, 23)


async def test_it_goes_on_where_it_ended(trail: Trail) -> None:
    await trail.days(3)
    await remove(trail, 1)
    await trail.days(4)
    assert (await remove(trail, 2)).records > 0
    await trail.requests(2)
    await trail.checkpoint()
    assert (await verified(trail)).ok
    assert await count(trail, AuditPruning) == 2
    assert (await remove(trail, 2)).records == 0  # the same again removes nothing


async def test_nothing_goes_where_nothing_is_configured(trail: Trail) -> None:
    await trail.days(3)
    assert await remove(trail, None) == Removal("acme")
    assert len(await seqs(trail)) == 12


async def test_what_no_checkpoint_covers_stays(trail: Trail) -> None:
    await trail.requests(4)
    trail.clock.advance(timedelta(days=30))
    removal = await remove(trail, 3)
    assert (removal.records, removal.waiting) == (0, 4)
    assert len(await seqs(trail)) == 4


async def test_other_tenants_keep_theirs(trail: Trail) -> None:
    await trail.days(3, tenant="globex")
    await trail.days(3)
    await remove(trail, 1)
    assert len(await seqs(trail, "globex")) == 12


async def test_a_changed_statement_is_found(trail: Trail) -> None:
    await trail.days(4)
    await remove(trail, 2)
    assert (await verified(trail)).ok
    for member in ("last_seq", "last_hash", "frontier", "reason", "signature"):
        async with trail.database.transaction() as session:
            row = (await session.scalars(select(AuditPruning))).one()
            old = getattr(row, member)
            new = old + 1 if isinstance(old, int) else old[:-1] + ("0" if old[-1] != "0" else "1")
            await session.execute(update(AuditPruning).values({member: new}))
        assert not (await verified(trail)).ok
        async with trail.database.transaction() as session:
            await session.execute(update(AuditPruning).values({member: old}))


async def test_a_statement_of_another_key_counts_for_nothing(trail: Trail, tmp_path: Any) -> None:
    own, stranger = trail.key, SigningKey.load_or_create(None, tmp_path / "stranger")
    trail.key = trail.chain.key = stranger
    await trail.days(4)
    await remove(trail, 2)
    trail.key = own
    report = await verified(trail)
    assert "truncated" in {finding.damage.value for finding in report.findings}


async def test_more_than_the_statement_says_is_found(trail: Trail) -> None:
    await trail.days(4)
    await remove(trail, 2)
    first = (await seqs(trail))[0]
    async with trail.database.transaction() as session:
        await session.execute(delete(AuditRecord).where(AuditRecord.seq == first))
    assert not (await verified(trail)).ok


async def test_damage_is_never_cleared_away(trail: Trail) -> None:
    await trail.days(4)
    async with trail.database.transaction() as session:
        query = select(AuditRecord).where(AuditRecord.seq == 2)
        row = await session.scalar(query)
        assert row is not None
        row.body = row.body.replace("onprem", "abroad")
    with pytest.raises(ChainDamaged):
        await remove(trail, 2)
    assert len(await seqs(trail)) == 16


async def test_a_strangers_checkpoint_is_none_to_remove_up_to(trail: Trail, tmp_path: Any) -> None:
    """Else whoever can write the database could have a forged chain signed by us."""
    own, stranger = trail.key, SigningKey.load_or_create(None, tmp_path / "stranger")
    trail.chain.key = stranger
    await trail.days(4)
    trail.chain.key = own
    with pytest.raises(ChainDamaged):
        await remove(trail, 2)
    assert len(await seqs(trail)) == 16


async def test_records_that_are_left_can_still_be_proven(trail: Trail) -> None:
    await trail.days(3, per_day=5)
    await remove(trail, 1)
    await trail.days(1, per_day=6)
    async with trail.database.session() as session:
        for row in list(await session.scalars(select(AuditRecord))):
            proof = await prove(session, row.request_id, "acme")
            assert proof["record"]["seq"] == row.seq


async def test_a_hold_keeps_its_record_and_all_behind_it(trail: Trail) -> None:
    await trail.days(5)
    held = await hold(trail, request_ids=("req_0010",))
    removal = await remove(trail, 1)
    assert (await seqs(trail))[0] == 9  # the checkpoint before record 10 is after 8
    assert (removal.records, removal.held_records, removal.holds) == (8, 7, (held,))
    assert (await verified(trail)).ok
    async with trail.database.transaction() as session:
        await Holds(session, "acme").release(
            held, reason="closed", author="cli", now=trail.clock.now()
        )
    assert (await remove(trail, 1)).records == 8
    assert (await seqs(trail))[0] == 17


@pytest.mark.parametrize(
    ("scope", "first"),
    [
        ({}, 1),
        ({"since": datetime(2026, 10, 3, tzinfo=UTC)}, 9),
        ({"until": datetime(2026, 10, 3, tzinfo=UTC)}, 1),
        ({"end_user": BORIS}, 13),
        ({"end_user": BORIS, "until": datetime(2026, 10, 2, tzinfo=UTC)}, 21),
        ({"actor": "usr_1"}, 17),
    ],
)
async def test_what_a_hold_matches(trail: Trail, scope: dict[str, Any], first: int) -> None:
    await trail.days(3)
    await trail.days(1, user=BORIS)
    await trail.action("key.create", "key_1")
    await trail.days(1, per_day=3)
    await trail.days(1)
    await hold(trail, **scope)
    await remove(trail, 1)
    assert (await seqs(trail))[0] == first


async def test_bodies_expire_on_their_own(trail: Trail) -> None:
    (old,) = await trail.requests(body=b'{"a":1}', kept=timedelta(days=2))
    (new,) = await trail.requests(body=b'{"a":2}', kept=timedelta(days=9))
    trail.clock.advance(timedelta(days=3))
    removal = await remove(trail, None)
    assert (removal.bodies, removal.records) == (1, 0)
    async with trail.database.session() as session:
        assert (await read_bodies(session, trail.master, "acme", new))[0].content == {"a": 2}
        with pytest.raises(Exception, match="expired"):
            await read_bodies(session, trail.master, "acme", old)


async def test_held_bodies_do_not(trail: Trail) -> None:
    await trail.requests(body=b"{}", kept=timedelta(days=1))
    await trail.requests(body=b"{}", kept=timedelta(days=1), user=BORIS)
    held = await hold(trail, end_user=GRETA)
    trail.clock.advance(timedelta(days=3))
    removal = await remove(trail, None)
    assert (removal.bodies, removal.held_bodies, removal.holds) == (1, 1, (held,))


async def test_with_the_records_go_their_bodies_and_keys(trail: Trail) -> None:
    await trail.days(3, body=b"{}", kept=timedelta(days=30))
    trail.clock.advance(timedelta(days=5))
    await remove(trail, 1)
    assert await count(trail, AuditBody) == 0
    await remove(trail, 1)
    assert await count(trail, VaultDataKey) == 0
    async with trail.database.session() as session:
        assert await ArchiveRepository(session, "acme").figures() == {
            "stored": 0,
            "expired": 0,
            "erased": 0,
            "lost": 0,
        }
