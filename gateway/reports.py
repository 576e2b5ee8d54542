"""Reports that need more than the ledger: the price book, the tiers, the audit trail.

The command line, the admin API and the jobs make them here, so that they agree.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing import JobContext, PriceBook, PriceStore
from billing.errors import InvalidReport
from billing.jobs.exporters import ExportRequest, ExportTask
from billing.jobs.tasks import Progress
from billing.ledger.rerate import rerate
from billing.reading import snapshot
from billing.reports.counterfactual import AlwaysThink
from billing.reports.files import WRITERS, write_table, write_workbook
from billing.reports.notable import LIMIT
from billing.reports.reconciliation import ReconciliationReport, reconciliation_report
from billing.reports.savings import savings_report
from billing.reports.savings_rows import SavingsReport
from billing.reports.statement import Statement
from core.clock import Clock
from core.database import Database
from core.money import parse_amount
from gateway.audit.billed import with_trail
from gateway.prices import price_store
from gateway.settings import TIER_ALIASES, Settings, TierName, TierSettings

RERATE = "ledger.rerate"
_LINES = 500  # of a job's result; a dry run on the command line shows all


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsQuestion:
    """What a savings report compares with.

    Args:
        baseline: a model of the price book.
        tier: everything on this tier, too.
        reasoning_ratio: reasoning tokens per output token where none can be measured.
        precise: request by request, with steps for long prompts and minimum charges.
    """

    baseline: str
    tier: str | None = None
    reasoning_ratio: Decimal | None = None
    precise: bool = False

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "SavingsQuestion":
        """From the parameters of a job.

        Raises:
            InvalidReport: no baseline is named.
            InvalidAmount: the ratio is no decimal text.
        """
        if not params.get("baseline"):
            raise InvalidReport("Name the baseline model of a savings report.", param="baseline")
        ratio = params.get("reasoning_ratio")
        return cls(
            baseline=params["baseline"],
            tier=params.get("always_think"),
            reasoning_ratio=None if ratio is None else parse_amount(ratio),
            precise=_flag(params, "precise"),
        )


class Reports:
    """The reports of one deployment.

    Args:
        store: of the price book.
        tiers: what backs each tier, by name.
    """

    def __init__(
        self, store: PriceStore, tiers: Mapping[TierName, TierSettings], clock: Clock
    ) -> None:
        self._store = store
        self._tiers: dict[str, TierSettings] = {**tiers}
        self._clock = clock

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> "Reports":
        """Raises: InvalidPrice: an entry of the settings' price book is none."""
        return cls(price_store(settings, clock), settings.tiers, clock)

    async def book(self, session: AsyncSession) -> PriceBook:
        """The price book of file and database as it is now."""
        return (await self._store.load(session)).book

    async def savings(
        self,
        session: AsyncSession,
        tenant: str | None,
        start: datetime,
        end: datetime,
        question: SavingsQuestion,
    ) -> SavingsReport:
        """See ``billing.reports.savings``."""
        think = None
        if question.tier is not None:
            think = self._always_think(question.tier, question.reasoning_ratio)
        return await savings_report(
            session,
            await self.book(session),
            tenant,
            start,
            end,
            baseline=question.baseline,
            think=think,
            precise=question.precise,
        )

    async def reconciliation(
        self,
        session: AsyncSession,
        tenant: str | None,
        start: datetime,
        end: datetime,
        *,
        statement: Statement | None = None,
        upstream: str | None = None,
        limit: int = LIMIT,
    ) -> ReconciliationReport:
        """The ledger's sheet with the audit trail beside it."""
        report = await reconciliation_report(
            session, tenant, start, end, statement=statement, upstream=upstream, limit=limit
        )
        return await with_trail(session, report, limit=limit)

    async def export_reconciliation(
        self, database: Database, request: ExportRequest, path: Path, progress: Progress
    ) -> None:
        """The job ``reconciliation``: a workbook."""
        async with snapshot(database) as session:
            report = await self.reconciliation(session, request.tenant, *request.span())
        await progress(50)
        await asyncio.to_thread(write_workbook, report.tables(), report.facts(), path)

    async def rerate(self, database: Database, context: JobContext) -> dict[str, Any]:
        """The job ``ledger.rerate``; a run that was cut short is finished by the next one."""
        async with database.session() as session:
            book = await self.book(session)
        start, end = ExportRequest(context.tenant, context.kind, context.params).span()
        report = await rerate(
            database,
            self._clock,
            book,
            context.tenant,
            start,
            end,
            author=context.params["author"],
            model=context.params.get("model"),
            dry_run=_flag(context.params, "dry_run"),
        )
        body = report.to_json()
        return body | {"lines": body["lines"][:_LINES]}

    def _always_think(self, tier: str, assumed: Decimal | None) -> AlwaysThink:
        name = TIER_ALIASES.get(tier, tier)
        if name not in self._tiers:
            known = ", ".join(self._tiers) or "none"
            raise InvalidReport(f"There is no tier '{tier}'; there are: {known}.", param="tier")
        thinking = tuple(key for key, value in self._tiers.items() if value.thinking)
        model = self._tiers[name].model
        return AlwaysThink(tier=name, model=model, thinking=thinking, assumed=assumed)


class SavingsExport(ExportTask):
    """The job ``savings``; its parameters say what is compared."""

    def __init__(self, reports: Reports) -> None:
        super().__init__(self._export, set(WRITERS))
        self._reports = reports

    def check(self, tenant: str, kind: str, params: Mapping[str, Any]) -> None:
        """Raises ``InvalidReport``: an unknown format or span, or no baseline."""
        super().check(tenant, kind, params)
        SavingsQuestion.from_params(params)

    async def _export(
        self, database: Database, request: ExportRequest, path: Path, progress: Progress
    ) -> None:
        question = SavingsQuestion.from_params(request.params)
        async with snapshot(database) as session:
            report = await self._reports.savings(session, request.tenant, *request.span(), question)
        await progress(50)
        await asyncio.to_thread(write_table, report.table(), path, request.file_format)


def check_rerate(tenant: str, kind: str, params: Mapping[str, Any]) -> None:
    """Refuse parameters of ``ledger.rerate`` that could only fail.

    Raises:
        InvalidReport: no span, or one that ends before it starts; nobody who asks.
    """
    start, end = ExportRequest(tenant, kind, params).span()
    if start >= end:
        raise InvalidReport("A span must end after it starts.", param="to")
    if not params.get("author"):
        raise InvalidReport("Re-rating needs an author.", param="author")


def _flag(params: Mapping[str, Any], name: str) -> bool:
    """Of a job's parameters, which the command line gives as texts."""
    return str(params.get(name, "")).lower() == "true"
