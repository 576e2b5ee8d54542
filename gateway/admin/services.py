"""What the admin API is given: the seams to the rest of the deployment.

The lifespan that mounts the API builds one ``AdminServices``; nothing here is
made at import and nothing is looked up globally.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Protocol

from fastapi import Depends, Request

from billing import JobService
from billing.invoices.terms import InvoiceTerms
from core.clock import Clock
from core.database import Database
from gateway.admin.explain.throttle import ExplainThrottle
from gateway.admin.system.schemas import System
from gateway.prices import PriceDesk
from gateway.recognizers import RecognizerBook, Sealer
from gateway.reports import Reports
from gateway.retention.services import TrailServices
from gateway.settings import PolicySettings
from gateway.tenants.passwords import Passwords
from gateway.upstreams.desk import UpstreamDesk
from guardrails.pii import PiiEngine


class KeyChanges(Protocol):
    """The part of ``KeyCache`` that a change needs."""

    def invalidate(self, *, key_id: str | None = None, tenant: str | None = None) -> None: ...


class BudgetChanges(Protocol):
    """The part of billing's ``BudgetKeeper`` that a change needs."""

    def invalidate(self, owner: str) -> None: ...


@dataclass(frozen=True, slots=True)
class PrivacyServices:
    """What the endpoints of recognizers and of explaining use.

    Args:
        policies: all policies of the settings, by name.
        sealer: seals definitions, and names them in audit records.
    """

    engine: PiiEngine
    recognizers: RecognizerBook
    sealer: Sealer
    policies: Mapping[str, PolicySettings]
    throttle: ExplainThrottle


@dataclass(frozen=True, slots=True)
class PriceServices:
    """What the endpoints of the price book use.

    Args:
        models: those of the deployment.
    """

    desk: PriceDesk
    models: Sequence[str]


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
    require_reason: bool = False  # refuse changes without one


@dataclass(frozen=True, slots=True)
class AdminServices:
    """Everything that the endpoints use.

    Args:
        pepper: the secret of the keyed hashes of API keys, sessions and log-in attempts.
        key_cache: told when a key or tenant changed.
        budget_changes: told when the budgets of a tenant or organisation changed.
        jobs: with the kinds of ``gateway.jobs``.
        policies: the names of the policies that a tenant may have.
        alert_webhooks: the names of the webhooks that a budget may alert.
    """

    database: Database
    clock: Clock
    pepper: bytes
    key_cache: KeyChanges
    budget_changes: BudgetChanges
    jobs: JobService
    system: SystemView
    policies: frozenset[str]
    privacy: PrivacyServices
    trail: TrailServices
    prices: PriceServices
    upstreams: UpstreamDesk
    reports: Reports
    alert_webhooks: frozenset[str] = frozenset()
    invoice_terms: InvoiceTerms = field(default_factory=InvoiceTerms)
    passwords: Passwords = field(default_factory=Passwords)
    options: AdminOptions = AdminOptions()


def get_services(request: Request) -> AdminServices:
    return request.app.state.services


Services = Annotated[AdminServices, Depends(get_services)]
