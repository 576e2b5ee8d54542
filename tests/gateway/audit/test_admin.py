import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from core.canonical import digest
from core.database import Database
from gateway.audit import SYSTEM_TENANT, append_admin
from gateway.audit.admin import object_digest
from gateway.audit.models import AuditRecord
from gateway.audit.verify import verify_database


async def test_an_admin_action_joins_the_chain_with_digests_only(
    audit_database: Database,
) -> None:
    before = {"email": "greta.vogel@example.com", "limit": Decimal("10.50"), "share": 0.5}
    async with audit_database.transaction() as session:
        request_id = await append_admin(
            session,
            tenant="acme",
            actor="usr_1",
            method="session",
            action="user.update",
            target="usr_2",
            before=before,
            after={**before, "limit": Decimal("11")},
            reason="quarterly review",
        )
        await append_admin(
            session, tenant=None, actor="cli", method="cli", action="db.upgrade", target="database"
        )
    async with audit_database.session() as session:
        rows = list(await session.scalars(select(AuditRecord).order_by(AuditRecord.tenant.desc())))
        reports = await verify_database(session)
    record = json.loads(rows[0].body)
    assert {row.tenant for row in rows} == {"acme", SYSTEM_TENANT}
    assert record["request_id"] == request_id
    assert record["kind"] == rows[0].kind == "admin"
    assert record["upstream"] is None
    assert record["before"] == digest(
        {"email": "greta.vogel@example.com", "limit": "10.5", "share": "0.5"}
    )
    assert record["before"] != record["after"]
    assert "greta" not in rows[0].body
    assert all(report.ok for report in reports)


async def test_an_action_that_fails_leaves_no_record(audit_database: Database) -> None:
    async def act() -> None:
        async with audit_database.transaction() as session:
            await append_admin(
                session, tenant="acme", actor="u", method="m", action="a", target="t"
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await act()
    async with audit_database.session() as session:
        assert await verify_database(session) == []


def test_digests_depend_on_values_alone() -> None:
    assert object_digest(None) is None
    assert object_digest({"a": 1, "b": [Decimal("1.0")]}) == object_digest(
        {"b": (Decimal("1"),), "a": 1}
    )
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert object_digest({"at": at}) == object_digest({"at": "2026-01-01T00:00:00.000000Z"})
