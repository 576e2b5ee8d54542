"""``audit.retention``: removes what is due of all tenants' bodies and records, once a day."""

from collections.abc import Mapping
from typing import Any

import structlog

from billing import JobContext, TaskRegistry
from core.database import Database
from gateway.audit import append_admin
from gateway.audit.errors import ChainDamaged
from gateway.audit.keys import Signer
from gateway.audit.record import SYSTEM_TENANT
from gateway.retention.removal import Removal, remove_due
from gateway.retention.rules import RetentionRules
from gateway.retention.trails import policies_of_trails

KIND = "audit.retention"
_log = structlog.get_logger(__name__)


class RemoveDue:
    """The task; what it removes is a record of each tenant's trail."""

    def __init__(self, signer: Signer, rules: RetentionRules) -> None:
        self._signer = signer
        self._rules = rules

    async def __call__(self, database: Database, context: JobContext) -> Mapping[str, Any]:
        """Returns ``{"tenants": {name: summary}}`` of those where something was due.

        Raises:
            ChainDamaged: some chain does not verify; all others are done.
        """
        async with database.session() as session:
            policies = await policies_of_trails(session)
        tenants = {name: self._rules.of_policy(policy) for name, policy in policies.items()}
        found: dict[str, Any] = {}
        damaged = []
        for number, (tenant, days) in enumerate(tenants.items()):
            try:
                removal = await self._remove(database, context, tenant, days)
            except ChainDamaged as error:
                _log.error("audit.retention_refused", tenant=tenant)
                damaged.append(tenant)
                found[tenant] = {"error": error.code}
                continue
            if removal.changed or removal.held_records or removal.held_bodies:
                found[tenant] = removal.summary()
            await context.progress(100 * (number + 1) // len(tenants))
        if damaged:
            raise ChainDamaged(
                f"{len(damaged)} chains do not verify, so nothing of them was removed; run "
                "`sovgate audit verify`.",
                result={"tenants": found},
            )
        return {"tenants": found}

    async def _remove(
        self, database: Database, context: JobContext, tenant: str, days: int | None
    ) -> Removal:
        """In steps, each a transaction with its own record."""
        total = Removal(tenant)
        while True:
            async with database.transaction() as session:
                now = context.clock.now()
                removal = await remove_due(session, tenant, self._signer.current(), now, days)
                if removal.changed:
                    await append_admin(
                        session,
                        tenant=None if tenant == SYSTEM_TENANT else tenant,
                        actor="retention",
                        method="job",
                        action="audit.retention",
                        target=context.job_id,
                        after=removal.summary(),
                        reason=_reason(removal, days),
                        clock=context.clock,
                    )
            total = total.followed_by(removal)
            if not (removal.records and removal.waiting):
                return total


def register_retention(tasks: TaskRegistry, signer: Signer, rules: RetentionRules) -> None:
    """Add the kind."""
    tasks.register(KIND, RemoveDue(signer, rules), deployment=True)


def _reason(removal: Removal, days: int | None) -> str:
    parts = [f"{removal.records} records older than {days} days"] if removal.records else []
    parts += [f"{removal.bodies} expired bodies"] if removal.bodies else []
    text = f"removed {' and '.join(parts)}"
    if removal.held_records or removal.held_bodies:
        left = f"{removal.held_records} records and {removal.held_bodies} bodies"
        text += f"; left {left} because of {', '.join(removal.holds)}"
    return text
