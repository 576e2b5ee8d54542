"""The price book that a process charges by, kept up to date while it runs.

Settings file and database make it together (``billing.prices.entries`` says how).
A change in the same process holds at once, one of another process within seconds.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import structlog
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from billing import CostBreakdown, PriceBook, PriceVersion, Usage
from billing.errors import BillingError, UnpricedModel
from billing.prices import Rate
from billing.prices.entries import Catalogue, Sections
from billing.prices.repository import Revision, revision
from billing.prices.store import PriceStore
from core.clock import Clock
from core.database import Database
from core.money import ZERO
from core.tasks import cancel
from gateway.settings import PriceBookSettings, PriceSettings, Section, Settings

LEDGER_CURRENCY = "USD"
_INTERVAL_S = 5.0
_OUTAGE = (SQLAlchemyError, OSError, TimeoutError)
_log = structlog.get_logger(__name__)


class PriceFile(Section):
    """A file of prices, written as in the settings."""

    prices: list[PriceSettings] = Field(default=[])
    price_book: PriceBookSettings = Field(default=PriceBookSettings())


def file_sections(file: Settings | PriceFile) -> Sections:
    """The price book of the settings, or of a file like them, as bodies."""
    prices = [price.model_dump(exclude_none=True) for price in file.prices]
    return {"prices": prices, **file.price_book.model_dump(exclude_none=True)}


def price_store(settings: Settings, clock: Clock) -> PriceStore:
    """Raises: InvalidPrice: an entry of the settings is none."""
    return PriceStore(file_sections(settings), clock, currency=LEDGER_CURRENCY)


def price_book(settings: Settings) -> PriceBook:
    """The prices of the settings alone. Raises: InvalidPrice."""
    sections = dict(file_sections(settings))
    return PriceBook.from_settings(sections.pop("prices"), currency=LEDGER_CURRENCY, more=sections)


def served_models(settings: Settings) -> list[str]:
    """Every model of the deployment (tiers name models of upstreams)."""
    return sorted({model for upstream in settings.upstreams for model in upstream.models})


def unpriced_models(models: Iterable[str], book: PriceBook, at: datetime) -> list[str]:
    """Those of the models without a price then."""
    return [model for model in models if not _is_priced(book, model, at)]


def _is_priced(book: PriceBook, model: str, at: datetime) -> bool:
    try:
        book.rate(model, at)
    except UnpricedModel:
        return False
    return True


class PriceDesk:
    """Holds the current book; made by ``open``, taken down by ``close``.

    While the database does not answer, or holds what makes no valid book, the last
    book goes on.
    """

    def __init__(
        self, database: Database, store: PriceStore, catalogue: Catalogue, known: Revision
    ) -> None:
        self.store = store
        self._database = database
        self._catalogue = catalogue
        self._revision = known
        self._loading = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._failing = False
        self._reported: set[str] = set()

    @classmethod
    async def open(
        cls, database: Database, store: PriceStore, *, interval_s: float = _INTERVAL_S
    ) -> "PriceDesk":
        """Load the book and keep it fresh.

        Args:
            interval_s: how long another process's change may go unnoticed.

        Raises:
            InvalidPrice: file and database together make no valid book.
        """
        async with database.session() as session:
            known = await revision(session)
            desk = cls(database, store, await store.load(session), known)
        desk._watching = asyncio.create_task(desk._watch(interval_s), name="price-desk")
        return desk

    @property
    def book(self) -> PriceBook:
        """The current one; it never changes, so whoever holds it sees one state."""
        return self._catalogue.book

    @property
    def catalogue(self) -> Catalogue:
        """The current book with all entries, those that do not count too."""
        return self._catalogue

    @property
    def currency(self) -> str:
        return self.book.currency

    @property
    def versions(self) -> tuple[PriceVersion, ...]:
        return self.book.versions

    def version_for(self, model: str, at: datetime, tenant: str | None = None) -> PriceVersion:
        """See ``PriceBook.version_for``."""
        return self.book.version_for(model, at, tenant)

    def rate(
        self,
        model: str,
        at: datetime,
        *,
        tenant: str | None = None,
        prompt_tokens: int = 0,
        batch: bool = False,
    ) -> Rate:
        """See ``PriceBook.rate``."""
        return self.book.rate(model, at, tenant=tenant, prompt_tokens=prompt_tokens, batch=batch)

    def price(
        self,
        model: str,
        at: datetime,
        usage: Usage,
        *,
        tenant: str | None = None,
        batch: bool = False,
    ) -> CostBreakdown:
        """See ``PriceBook.price``."""
        try:
            return self.book.price(model, at, usage, tenant=tenant, batch=batch)
        except UnpricedModel as error:
            self._report(model, error)
            raise

    def worst_case(
        self,
        model: str,
        at: datetime,
        input_tokens: int,
        max_output_tokens: int,
        *,
        tenant: str | None = None,
        max_worker_seconds: Decimal = ZERO,
        max_guard_tokens: int = 0,
        batch: bool = False,
    ) -> Decimal:
        """See ``PriceBook.worst_case``."""
        try:
            return self.book.worst_case(
                model,
                at,
                input_tokens,
                max_output_tokens,
                tenant=tenant,
                max_worker_seconds=max_worker_seconds,
                max_guard_tokens=max_guard_tokens,
                batch=batch,
            )
        except UnpricedModel as error:
            self._report(model, error)
            raise

    async def refresh(self) -> None:
        """Load the book anew if an entry was added or archived since.

        Raises:
            InvalidPrice: file and database together make no valid book.
        """
        async with self._loading, self._database.session() as session:
            current = await revision(session)
            if current != self._revision:
                self._catalogue = await self.store.load(session)
                self._revision = current
                self._reported.clear()

    async def close(self) -> None:
        await cancel(self._watching)

    def _report(self, model: str, error: UnpricedModel) -> None:
        """An unpriced model is in the log once a book, whatever becomes of the request."""
        if model not in self._reported:
            self._reported.add(model)
            _log.warning("prices.unpriced", model=model, code=error.code)

    async def _watch(self, interval_s: float) -> None:
        while True:
            await asyncio.sleep(interval_s)
            try:
                await self.refresh()
            except (*_OUTAGE, BillingError) as error:
                if not self._failing:
                    _log.error("prices.not_refreshed", reason=_reason(error))
                self._failing = True
            else:
                self._failing = False


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, BillingError) else type(error).__name__
