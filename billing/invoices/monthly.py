"""Drafts of all tenants' invoices of a month: what the schedule runs on the first of the next."""

from dataclasses import dataclass, field

from sqlalchemy import select, union
from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import InvoiceFinal, InvoiceNotReady, NothingToInvoice, UnknownProfile
from billing.invoices.service import InvoiceService
from billing.invoices.terms import InvoiceTerms
from billing.models import BillingProfile, LedgerBalance
from billing.periods import month_span
from core.clock import Clock
from core.database import Database


@dataclass(frozen=True, slots=True)
class MonthDrafts:
    """Tenants by what came of their invoice of a month.

    Args:
        drafted: a draft was made or brought up to date; ids by tenant.
        final: issued already.
        empty: nothing to pay for.
        not_ready: by why: there is no billing profile or no exchange rate.
    """

    month: str
    drafted: dict[str, str] = field(default_factory=dict)
    final: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    not_ready: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        return {
            "month": self.month,
            "drafted": self.drafted,
            "final": self.final,
            "empty": self.empty,
            "not_ready": self.not_ready,
        }


async def draft_month(
    database: Database,
    clock: Clock,
    month: str,
    terms: InvoiceTerms,
    *,
    author: str = "schedule",
) -> MonthDrafts:
    """Draft every tenant's invoice of a month; again and again does no harm.

    Each tenant has a transaction of its own: one that cannot be billed yet stops
    no other.

    Raises:
        InvalidReport: the text is no month.
    """
    month_span(month)
    async with database.session() as session:
        tenants = await _tenants(session)
    service, result = InvoiceService(clock, terms), MonthDrafts(month)
    for tenant in tenants:
        try:
            async with database.transaction() as session:
                draft = await service.draft(session, tenant, month, author=author)
            result.drafted[tenant] = draft.invoice.id
        except InvoiceFinal:
            result.final.append(tenant)
        except NothingToInvoice:
            result.empty.append(tenant)
        except (UnknownProfile, InvoiceNotReady) as error:
            result.not_ready[tenant] = error.code
    return result


async def _tenants(session: AsyncSession) -> list[str]:
    """Those that have an account in the ledger or a billing profile."""
    query = union(select(LedgerBalance.tenant), select(BillingProfile.tenant))
    return sorted((await session.execute(query)).scalars())
