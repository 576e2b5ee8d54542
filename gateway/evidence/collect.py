"""Gathers an evidence pack: one consistent look at a tenant's trail and at what surrounds it."""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from importlib import metadata
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import isoformat
from gateway.archive.repository import ArchiveRepository
from gateway.archive.verification import verify_bodies
from gateway.audit.diagnosis import Findings
from gateway.audit.filters import RecordFilter
from gateway.audit.keys import key_id
from gateway.audit.pruning import Pruning
from gateway.audit.query import oldest_first
from gateway.audit.signing import read_checkpoint, read_successions
from gateway.audit.succession import Trust
from gateway.audit.verify import VerifyReport, verify_database
from gateway.evidence import repository
from gateway.evidence.articles import articles
from gateway.evidence.tally import MOST_ACTIONS, Tally
from gateway.retention import repository as statements
from gateway.retention.holds import Holds
from gateway.retention.models import AuditHold
from gateway.retention.rules import RetentionRules
from gateway.retention.statements import ErasureStatement
from gateway.settings import PolicySettings

TYPE = "sovgate.evidence.v1"


async def collect(
    session: AsyncSession,
    tenant: str,
    start: datetime,
    end: datetime,
    *,
    public_keys: Collection[str],
    rules: RetentionRules,
    policies: Mapping[str, PolicySettings],
    now: datetime,
) -> dict[str, Any]:
    """The pack without its signature, of records that joined the chain in ``start <= t < end``.

    Args:
        session: of a snapshot, so that all of it is of one moment.
        public_keys: those that checkpoints must be signed by; empty trusts any.
        policies: those of the settings, as they are now.
    """
    tally = Tally()
    async for row in oldest_first(session, tenant, RecordFilter(start=start, end=end)):
        tally.feed(json.loads(row.body))
    pack: dict[str, Any] = {
        "type": TYPE,
        "tenant": tenant,
        "from": isoformat(start),
        "to": isoformat(end),
        "generated_at": isoformat(now),
        "software": {"name": "sovgate", "version": metadata.version("sovgate")},
        **_of_records(tally),
        "retention": await _retention(session, tenant, rules, policies, now),
        "integrity": await _integrity(session, tenant, start, end, public_keys, now),
    }
    return {**pack, "articles": articles(pack)}


def _of_records(tally: Tally) -> dict[str, Any]:
    return {
        "records": {
            "count": sum(tally.kinds.values()),
            "first_seq": tally.first_seq,
            "last_seq": tally.last_seq,
            "first_time": tally.first_time,
            "last_time": tally.last_time,
            "by_kind": _counts(tally.kinds),
            "by_outcome": _counts(tally.outcomes),
            "by_surface": _counts(tally.surfaces),
            "by_error_code": _counts(tally.error_codes),
            "end_users": len(tally.users),
            "without_policy": tally.without_policy,
            "tokens": _counts(tally.tokens),
        },
        "guards": [
            {
                "name": name,
                "version": version,
                "direction": direction,
                **span.to_dict(),
                "verdicts": _verdicts(tally, name, version, direction),
            }
            for (name, version, direction), span in sorted(tally.guards.items())
        ],
        "policies": [
            {"policy": name, "digest": digest, **span.to_dict()}
            for (name, digest), span in sorted(tally.policies.items())
        ],
        "destinations": [
            {
                "upstream": upstream,
                "zone": zone or None,
                "model": model or None,
                "weights_digest": weights or None,
                **span.to_dict(),
            }
            for (upstream, zone, model, weights), span in sorted(tally.destinations.items())
        ],
        "masked": [
            {
                "entity_type": entity,
                "values": tally.masked_values[entity],
                "requests": tally.masked_requests[entity],
            }
            for entity in sorted(tally.masked_values)
        ],
        "bodies": _counts(tally.bodies),
        "admin_actions": {
            "by_action": _counts(tally.action_counts),
            "listed": tally.actions,
            "not_listed": max(0, sum(tally.action_counts.values()) - MOST_ACTIONS),
        },
    }


async def _retention(
    session: AsyncSession,
    tenant: str,
    rules: RetentionRules,
    policies: Mapping[str, PolicySettings],
    now: datetime,
) -> dict[str, Any]:
    """What holds at the time of the report, and what was removed so far."""
    policy = await statements.policy_of(session, tenant)
    settings = policies.get(policy or "")
    first_kept = await repository.oldest_record(session, tenant)
    prunings = await statements.prunings(session, tenant)
    erasures = await statements.erasures(session, tenant)
    return {
        "policy": policy,
        "records_days": rules.of_policy(policy),
        "bodies": None if settings is None else settings.audit.bodies,
        "bodies_days": None if settings is None else settings.audit.bodies_retention_days,
        "oldest_record": None if first_kept is None else isoformat(first_kept),
        "oldest_record_days": None if first_kept is None else (now - first_kept).days,
        "stored_bodies": await ArchiveRepository(session, tenant).figures(),
        "holds": [_hold(hold) for hold in await Holds(session, tenant).all()],
        "prunings": [Pruning.from_row(row).to_dict() for row in prunings],
        "erasures": [ErasureStatement.from_row(row).to_dict() for row in erasures],
    }


async def _integrity(
    session: AsyncSession,
    tenant: str,
    start: datetime,
    end: datetime,
    public_keys: Collection[str],
    now: datetime,
) -> dict[str, Any]:
    """The whole chain is verified, not the span alone: it stands or falls as one."""
    reports = await verify_database(session, [tenant], public_keys)
    successions = await read_successions(session)
    findings = Findings()
    trust = Trust(public_keys, successions)
    named = await verify_bodies(session, tenant, trust, findings, now)
    newest = await repository.newest_checkpoint(session, tenant)
    keys = await repository.checkpoints_by_key(session, tenant)
    return {
        "chain": [_report(report) for report in reports],
        "bodies": {"named": named, "findings": _findings(findings)},
        "checkpoints_in_span": await repository.checkpoints_between(session, tenant, start, end),
        "newest_checkpoint": None if newest is None else read_checkpoint(newest).to_dict(),
        "keys": [
            {"key_id": key_id(key), "public_key": key, "checkpoints": number}
            for key, number in sorted(keys.items())
        ],
        "successions": [item.to_dict() for item in successions],
        "anchors": await _anchors(session, tenant),
    }


async def _anchors(session: AsyncSession, tenant: str) -> list[dict[str, Any]]:
    """How many checkpoints each anchor outside has seen, and the newest."""
    return [
        {"anchor": name, "checkpoints": count, "newest_seq": seq, "newest_time": isoformat(time)}
        for name, count, seq, time in await repository.anchors(session, tenant)
    ]


def _report(report: VerifyReport) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "records": report.records,
        "first_seq": report.first_seq,
        "last_seq": report.last_seq,
        "key_source": report.key_source,
        "key_id": report.key_id,
        "findings": report.findings_total,
        "summary": report.summary(),
    }


def _findings(findings: Findings) -> dict[str, Any]:
    listed = [{"damage": item.damage.value, "message": item.message, "seq": item.seq}
              for item in findings.items]  # fmt: skip
    return {"count": findings.total, "listed": listed}


def _verdicts(tally: Tally, *guard: str) -> list[dict[str, Any]]:
    return [
        {"verdict": key[3], "action": key[4], "count": count}
        for key, count in sorted(tally.verdicts.items())
        if key[:3] == guard
    ]


def _hold(hold: AuditHold) -> dict[str, Any]:
    times = ("created_at", "since", "until", "released_at")
    texts = ("id", "reason", "created_by", "end_user", "actor", "released_by", "release_reason")
    instants = {name: getattr(hold, name) for name in times}
    return {
        **{name: getattr(hold, name) for name in texts},
        **{name: None if at is None else isoformat(at) for name, at in instants.items()},
        "requests": len(hold.request_ids or ()),
    }


def _counts(counter: Counter[str]) -> dict[str, int]:
    return {name: counter[name] for name in sorted(counter)}
