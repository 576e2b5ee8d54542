"""The daily job: each tenant by its policy's days, a record of what went, damage stops nobody."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from billing import JobContext, JobSettings
from gateway.audit.errors import ChainDamaged
from gateway.audit.models import AuditRecord
from gateway.retention.holds import Holds, HoldScope
from gateway.retention.jobs import KIND, RemoveDue
from gateway.retention.rules import RetentionRules
from gateway.settings import parse_settings
from gateway.tenants.models import Tenant
from support.trail import Trail

Run = Callable[[RetentionRules], Any]


@pytest.fixture
def run(trail: Trail, tmp_path: Path) -> Run:
    async def run(rules: RetentionRules) -> dict[str, Any]:
        async def progress(percent: int) -> None:
            assert 0 <= percent <= 100

        context = JobContext(
            job_id="job_1",
            tenant="*",
            kind=KIND,
            params={},
            settings=JobSettings(database_url="", data_dir=tmp_path),
            clock=trail.clock,
            progress=progress,
        )
        return dict((await RemoveDue(trail.key, rules)(trail.database, context))["tenants"])

    return run


async def newest(trail: Trail, tenant: str) -> dict[str, Any]:
    async with trail.database.session() as session:
        query = select(AuditRecord.body).where(AuditRecord.tenant == tenant)
        body = await session.scalar(query.order_by(AuditRecord.seq.desc()).limit(1))
    assert body is not None
    return json.loads(body)


async def with_tenant(trail: Trail, name: str, policy: str) -> None:
    async with trail.database.transaction() as session:
        session.add(
            Tenant(
                name=name,
                display_name=name,
                status="active",
                policy=policy,
                limits={},
                created_at=trail.clock.now(),
            )
        )


async def test_each_tenant_by_its_policy(trail: Trail, run: Run) -> None:
    await with_tenant(trail, "globex", "strict")
    for tenant in ("acme", "globex", "_system"):
        await trail.days(2, tenant=tenant)
    trail.clock.advance(timedelta(days=10))
    found = await run(RetentionRules(days=30, by_policy={"strict": 3}))
    assert set(found) == {"globex"}
    assert found["globex"]["records"] == 8
    record = await newest(trail, "globex")
    assert (record["action"], record["actor"], record["method"]) == (
        "audit.retention",
        "retention",
        "job",
    )
    assert record["reason"] == "removed 8 records older than 3 days"
    assert await run(RetentionRules(days=30, by_policy={"strict": 3})) == {}
    assert set(await run(RetentionRules(days=1))) == {"acme", "_system"}


async def test_what_was_left_is_said_with_the_reason_why(trail: Trail, run: Run) -> None:
    await trail.days(4, body=b"{}", kept=timedelta(days=1))
    async with trail.database.transaction() as session:
        hold = await Holds(session, "acme").create(
            HoldScope(request_ids=("req_0006",)),
            reason="case 7",
            author="cli",
            now=trail.clock.now(),
        )
    found = await run(RetentionRules(days=1))
    assert found["acme"]["holds"] == [hold.id]
    assert (found["acme"]["records"], found["acme"]["held_records"]) == (4, 7)
    assert (found["acme"]["bodies"], found["acme"]["held_bodies"]) == (15, 1)
    record = await newest(trail, "acme")
    assert record["reason"].endswith(f"; left 7 records and 1 bodies because of {hold.id}")


async def test_damage_of_one_does_not_keep_the_others(trail: Trail, run: Run) -> None:
    for tenant in ("acme", "globex"):
        await trail.days(3, tenant=tenant)
    async with trail.database.transaction() as session:
        await session.execute(
            update(AuditRecord)
            .where(AuditRecord.tenant == "acme", AuditRecord.seq == 1)
            .values(body="{}")
        )
    with pytest.raises(ChainDamaged) as caught:
        await run(RetentionRules(days=1))
    tenants = caught.value.context["result"]["tenants"]
    assert tenants["acme"] == {"error": "audit_damaged"}
    assert tenants["globex"]["records"] > 0


def test_the_rules_come_from_the_settings() -> None:
    rules = RetentionRules.of(
        parse_settings(
            {
                "audit": {"retention_days": 400},
                "policies": {"default": {}, "short": {"audit": {"retention_days": 30}}},
            }
        )
    )
    assert [rules.of_policy(name) for name in ("default", "short", None)] == [400, 30, 400]
