"""What a deployment says once about all its invoices."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import InvoiceNotReady, NoExchangeRate
from billing.invoices.profile import Seller
from billing.prices import ExchangeRate
from billing.prices.exchange import ExchangeRates

ProjectNames = Callable[[AsyncSession, str], Awaitable[Mapping[str, str]]]
"""The names of a tenant's projects by id, which this package does not know."""
Rates = Callable[[AsyncSession], Awaitable[ExchangeRates]]
"""The exchange rates of the price book as it is now."""

_MOMENT = timedelta(microseconds=1)


async def no_names(_session: AsyncSession, _tenant: str) -> Mapping[str, str]:
    return {}


async def no_rates(_session: AsyncSession) -> ExchangeRates:
    return ExchangeRates(())


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceTerms:
    """How invoices are issued.

    Args:
        seller: without one there are drafts, but no final invoices.
        series, credit_series: how numbers start; the year of issue follows.
        currency: of the ledger.
        exchange: rates from the ledger's currency into those that tenants pay in.
        font: a TrueType file that is embedded into PDFs for what DejaVu Sans lacks.
    """

    seller: Seller | None = None
    series: str = "INV"
    credit_series: str = "CN"
    currency: str = "USD"
    exchange: Rates = no_rates
    project_names: ProjectNames = no_names
    font: Path | None = None

    async def rate_into(
        self, session: AsyncSession, currency: str, end: datetime
    ) -> ExchangeRate | None:
        """The rate that holds at the end of a month; ``None``: the ledger's own currency.

        That instant, and not the one of issue, so that a draft and its final invoice
        are converted alike.

        Raises:
            InvoiceNotReady: there is none.
        """
        if currency == self.currency:
            return None
        rates = await self.exchange(session)
        try:
            return rates.rate(self.currency, currency, end - _MOMENT)
        except NoExchangeRate as error:
            raise InvoiceNotReady(error.message) from None
