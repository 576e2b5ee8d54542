"""What the admin API is given: the seams to the rest of the deployment.

The lifespan that mounts the API builds one ``AdminServices``; nothing here is
made at import and nothing is looked up globally.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Protocol

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from gateway.admin.exports.schemas import Export, ExportCreate
from gateway.admin.system.schemas import System
from gateway.tenants.passwords import Passwords


class KeyChanges(Protocol):
    """The part of ``KeyCache`` that a change needs."""

    def invalidate(self, *, key_id: str | None = None, tenant: str | None = None) -> None: ...


class BudgetChanges(Protocol):
    """The part of billing's ``BudgetKeeper`` that a change needs."""

    def invalidate(self, tenant: str) -> None: ...


class Exports(Protocol):
    """Jobs that write a tenant's report into a file.

    Every method is scoped by tenant: another tenant's job is ``NotFound``.
    """

    async def create(
        self, session: AsyncSession, tenant: str, request: ExportCreate, *, actor: str
    ) -> Export: ...

    async def start(self, export: Export) -> None:
        """Hand the job to its worker, once the transaction that created it is over."""
        ...

    async def list(self, session: AsyncSession, tenant: str) -> Sequence[Export]: ...

    async def get(self, session: AsyncSession, tenant: str, export_id: str) -> Export: ...

    async def file(self, session: AsyncSession, tenant: str, export_id: str) -> Path:
        """The finished file; raises ``ExportNotReady`` before."""
        ...


class SystemView(Protocol):
    """A read-only view of the settings and of the upstreams' health."""

    async def describe(self) -> System: ...


@dataclass(frozen=True, slots=True)
class AdminOptions:
    """How sessions and logins behave."""

    secure_cookies: bool = False
    session_lifetime: timedelta = timedelta(hours=8)
    login_window: timedelta = timedelta(minutes=15)
    failures_per_account_and_address: int = 5
    failures_per_account: int = 30
    failures_per_address: int = 60
    max_body_bytes: int = 256 * 1024


@dataclass(frozen=True, slots=True)
class AdminServices:
    """Everything that the endpoints use.

    Args:
        pepper: the secret of the keyed hashes of API keys, sessions and log-in attempts.
        policies: the names of the policies that a tenant may have.
    """

    database: Database
    clock: Clock
    pepper: bytes
    key_cache: KeyChanges
    budget_changes: BudgetChanges
    exports: Exports
    system: SystemView
    policies: frozenset[str]
    passwords: Passwords = field(default_factory=Passwords)
    options: AdminOptions = AdminOptions()


def get_services(request: Request) -> AdminServices:
    return request.app.state.services


Services = Annotated[AdminServices, Depends(get_services)]
