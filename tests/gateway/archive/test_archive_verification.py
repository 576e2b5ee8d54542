"""A stored body that is not the one that its record names is found; one that expired is not."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update

from gateway.archive.models import AuditBody
from gateway.archive.verification import with_bodies
from gateway.audit import Entry
from gateway.audit.verify import verify_database
from gateway.retention.models import AuditErasure
from gateway.retention.removal import remove_due
from support.trail import BORIS, GRETA, Trail, erase_as_commanded


async def damages(trail: Trail) -> list[str]:
    keys = [trail.key.public_key]
    async with trail.database.session() as session:
        reports = await verify_database(session, None, keys)
        assert all(report.ok for report in reports)
        reports = await with_bodies(session, reports, keys, trail.clock.now())
    return [finding.damage.value for report in reports for finding in report.findings]


async def change(trail: Trail, *statements: Any) -> None:
    async with trail.database.transaction() as session:
        for statement in statements:
            await session.execute(statement)


async def stored(trail: Trail) -> Sequence[AuditBody]:
    async with trail.database.session() as session:
        return list(await session.scalars(select(AuditBody).order_by(AuditBody.request_id)))


async def test_nothing_is_found_where_nothing_is_wrong(trail: Trail) -> None:
    await trail.requests(3, body=b"{}")
    await trail.requests(2)
    await trail.requests(1, body=b"{}", tenant="globex")
    assert await damages(trail) == []


async def test_every_way_to_change_bodies(trail: Trail) -> None:
    await trail.requests(6, body=b'{"a":1}')
    trail.clock.advance(timedelta(hours=1))
    others = await erase_as_commanded(trail, BORIS)
    rows = await stored(trail)
    first, second = rows[0], rows[1]
    assert first.sealed is not None
    flipped = first.sealed[:-1] + bytes([first.sealed[-1] ^ 1])

    def of(row: AuditBody) -> Any:
        return update(AuditBody).where(AuditBody.request_id == row.request_id)

    tamperings: list[tuple[str, list[Any]]] = [
        ("edited", [of(first).values(sealed=flipped)]),
        ("edited", [of(first).values(sealed=second.sealed)]),
        ("edited", [of(first).values(sealed=b"")]),
        ("deleted", [delete(AuditBody).where(AuditBody.request_id == first.request_id)]),
        ("deleted", [of(first).values(sealed=None, removed_by="retention")]),
        ("deleted", [of(first).values(sealed=None, removed_by="era_made_up")]),
        ("deleted", [of(first).values(sealed=None, removed_by="lost")]),
        ("deleted", [of(first).values(sealed=None, removed_by=others.id)]),
        ("inserted", [insert(AuditBody).values(_row(second) | {"request_id": "req_none"})]),
        ("inserted", [insert(AuditBody).values(_row(second) | {"part": "answer"})]),
    ]
    for wanted, statements in tamperings:
        await change(trail, *statements)
        assert await damages(trail) == [wanted]
        await change(trail, delete(AuditBody), insert(AuditBody).values([_row(r) for r in rows]))
    assert await damages(trail) == []


async def test_what_retention_has_removed_is_no_damage(trail: Trail) -> None:
    await trail.requests(2, body=b"{}", kept=timedelta(days=1))
    trail.clock.advance(timedelta(days=2))
    async with trail.database.transaction() as session:
        await remove_due(session, "acme", trail.key, trail.clock.now(), None)
    assert [row.sealed for row in await stored(trail)] == [None, None]
    assert await damages(trail) == []


async def test_an_erasure_counts_as_it_was_signed(trail: Trail) -> None:
    await trail.requests(2, body=b"{}")
    await trail.requests(1, body=b"{}", user=BORIS)
    await erase_as_commanded(trail, GRETA)
    assert await damages(trail) == []
    async with trail.database.session() as session:
        row = (await session.scalars(select(AuditErasure))).one()
    changes: dict[str, Any] = {
        "owner": BORIS,
        "time": row.time + timedelta(seconds=1),
        "bodies": row.bodies + 1,
        "reason": "another",
        "signature": "00" * 64,
    }
    for member, value in changes.items():
        await change(trail, update(AuditErasure).values({member: value}))
        assert await damages(trail) == ["deleted", "deleted"]
        await change(trail, update(AuditErasure).values({member: getattr(row, member)}))
    assert await damages(trail) == []


def _row(body: AuditBody) -> dict[str, Any]:
    return {column.name: getattr(body, column.name) for column in AuditBody.__table__.columns}


async def test_a_body_lost_on_its_way_is_no_damage(trail: Trail) -> None:
    """Its process has died, and the keys were changed before another one brought it home."""
    sealed: list[dict[str, str]] = []
    said = await trail.seal("acme", "req_z", BORIS, b"{}", timedelta(days=7), sealed)
    record = trail.record("acme", BORIS) | {"bodies": [said]}
    await erase_as_commanded(trail, GRETA)
    trail.clock.advance(timedelta(minutes=5))
    successor = Trail.open(trail.database, trail.clock, trail.folder)
    async with trail.database.transaction() as session:
        await successor.sink.store(session, sealed)
        await successor.chain.append(session, [Entry("acme", "req_z", "request", record)])
    assert [row.removed_by for row in await stored(trail)] == ["lost"]
    assert await damages(trail) == []
