"""How this deployment issues invoices: what billing is told of settings, tenants and prices."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from billing.invoices.profile import Seller
from billing.invoices.terms import InvoiceTerms
from billing.prices.exchange import ExchangeRates
from core.clock import Clock
from gateway.prices import LEDGER_CURRENCY, price_store
from gateway.settings import Settings
from gateway.tenants.repository import ProjectRepository


def invoice_terms(settings: Settings, clock: Clock) -> InvoiceTerms:
    """From the settings; exchange rates are read from file and database when needed.

    Raises:
        InvalidPrice: an entry of the settings' price book is none.
    """
    own = settings.invoicing
    store = price_store(settings, clock)

    async def rates(session: AsyncSession) -> ExchangeRates:
        return (await store.load(session)).book.exchange

    return InvoiceTerms(
        seller=Seller(**own.seller.model_dump()) if own.seller else None,
        series=own.series,
        credit_series=own.credit_series,
        currency=LEDGER_CURRENCY,
        exchange=rates,
        project_names=project_names,
        font=own.font,
    )


async def project_names(session: AsyncSession, tenant: str) -> Mapping[str, str]:
    projects = await ProjectRepository(session, tenant).all()
    return {project.id: project.name for project in projects}
