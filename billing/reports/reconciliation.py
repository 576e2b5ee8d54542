"""The reconciliation sheet: the ledger against usage, and what somebody should look at."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing.reports.notable import LIMIT, NOTABLE, NotableRequests, notable_requests
from billing.reports.proofs import (
    Charges,
    Proof,
    charges,
    invoice_proofs,
    ledger_proofs,
    proofs_table,
)
from billing.reports.statement import (
    Statement,
    StatementRow,
    compare_statement,
    statement_table,
)
from billing.reports.table import Cell, Column, ColumnKind, Table
from billing.reports.traffic import Tenants
from billing.reports.usage import UsageReport, usage_report
from billing.reports.usage_rows import AMOUNTS, TOKENS, UsageRow
from core.clock import isoformat
from core.money import format_amount

_GROUPS = ("upstream", "model", "zone")
_COUNTED = (
    "requests",
    "counted_by_upstream",
    "counted_by_us",
    "cut_requests",
    "unpriced_requests",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationReport:
    """What was used, by upstream, model and zone, with proofs that all books agree.

    Args:
        tenant: ``None`` for several.
        statement: the upstream's own figures beside ours, where there are any.
        more: further tables, of whoever knows more than the ledger.
    """

    tenant: str | None
    start: datetime
    end: datetime
    usage: UsageReport
    charged: Charges
    proofs: list[Proof]
    notable: list[NotableRequests]
    statement: list[StatementRow] | None = None
    more: tuple[Table, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every proof is equal; a statement's differences are for people to judge."""
        return all(proof.equal for proof in self.proofs)

    def plus(self, proofs: list[Proof], *tables: Table) -> "ReconciliationReport":
        """With further proofs and tables."""
        return replace(self, proofs=[*self.proofs, *proofs], more=(*self.more, *tables))

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "tenant": self.tenant,
            "from": isoformat(self.start),
            "to": isoformat(self.end),
            "currency": self.usage.currency,
            "ok": self.ok,
            "rows": [
                dict(zip(_GROUPS, row.group, strict=True)) | _counted(row) | _measured(row)
                for row in self.usage.rows
            ],
            "total": _counted(self.usage.total) | _measured(self.usage.total),
            "charged": self.charged.to_json(),
            "proofs": [proof.to_json() for proof in self.proofs],
            "notable": [found.to_json() for found in self.notable],
        }
        if self.statement is not None:
            body["statement"] = [row.to_json() for row in self.statement]
        return body

    def tables(self) -> list[Table]:
        """Sheets of a workbook; the first one is the summary."""
        found = [self._summary(), proofs_table(self.proofs)]
        found += [notable.table() for notable in self.notable]
        if self.statement is not None:
            found.append(statement_table(self.statement))
        return [*found, *self.more]

    def facts(self) -> dict[str, str]:
        """What describes the whole."""
        facts = {
            "tenant": self.tenant or "",
            "from": isoformat(self.start),
            "to": isoformat(self.end),
            "currency": self.usage.currency,
            "settled": format_amount(self.charged.settled),
            "adjusted": format_amount(self.charged.adjusted),
            "charged": format_amount(self.charged.total),
            "proofs": "equal" if self.ok else "different",
        }
        for notable in self.notable:
            facts |= notable.table().facts
        return facts

    def _summary(self) -> Table:
        columns = [Column(name) for name in _GROUPS]
        columns += [Column(name, ColumnKind.INTEGER) for name in (*_COUNTED, *TOKENS)]
        columns += [Column(name, ColumnKind.AMOUNT) for name in AMOUNTS]
        rows = [_cells(row) for row in self.usage.rows]
        return Table("reconciliation", columns, rows, self.facts())


async def reconciliation_report(
    session: AsyncSession,
    tenant: Tenants,
    start: datetime,
    end: datetime,
    *,
    statement: Statement | None = None,
    upstream: str | None = None,
    limit: int = LIMIT,
) -> ReconciliationReport:
    """Reconcile a span. Read it in a ``snapshot``: it compares tables.

    Args:
        statement: of an upstream, to be compared by day and model.
        upstream: whose statement it is.
        limit: of each list of requests; their totals cover all.

    Raises:
        InvalidReport: the span ends before it starts, or holds two currencies.
    """
    usage = await usage_report(session, tenant, start, end, group_by=_GROUPS)
    charged = await charges(session, tenant, start, end)
    proofs = await ledger_proofs(session, tenant, start, end, charged)
    if isinstance(tenant, str):
        proofs += await invoice_proofs(session, tenant, start, end)
    notable = [
        await notable_requests(session, tenant, start, end, kind, limit=limit) for kind in NOTABLE
    ]
    compared = None
    if statement is not None:
        compared = await compare_statement(
            session, tenant, start, end, statement, upstream=upstream
        )
    return ReconciliationReport(
        tenant=usage.tenant,
        start=start,
        end=end,
        usage=usage,
        charged=charged,
        proofs=proofs,
        notable=notable,
        statement=compared,
    )


def _counted(row: UsageRow) -> dict[str, Any]:
    requests, estimated = row.requests or 0, row.estimated_requests or 0
    counts = (requests, requests - estimated, estimated, row.cut_requests, row.unpriced_requests)
    return dict(zip(_COUNTED, counts, strict=True))


def _measured(row: UsageRow) -> dict[str, Any]:
    return {name: value for name, value in row.sums().items() if name in (*TOKENS, *AMOUNTS)}


def _cells(row: UsageRow) -> list[Cell]:
    counted: list[Cell] = list(_counted(row).values())
    return [*row.group, *counted, *row.tokens, *(getattr(row, name) for name in AMOUNTS)]
