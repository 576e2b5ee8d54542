"""``sovgate report reconciliation``: do ledger, usage, invoices and audit trail agree?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.options import ConfigOption, JsonOption, print_json, print_table
from gateway.cli.reading import with_database, without_zeros
from gateway.errors import InvalidRequest

if TYPE_CHECKING:
    from billing.reports.reconciliation import ReconciliationReport
    from billing.reports.statement import Statement
    from core.database import Database

_KEPT = ("upstream", "model", "zone", "requests", "cost")


def reconciliation(
    month: Annotated[str, typer.Option(help="YYYY-MM (UTC).")],
    tenant: Annotated[str | None, typer.Option(help="Tenant; default: all.")] = None,
    statement: Annotated[
        Path | None,
        typer.Option(help="An upstream's own: CSV with day,model,input,cached,output,cost."),
    ] = None,
    upstream: Annotated[str | None, typer.Option(help="Whose statement it is.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Of each list of requests.")] = 1000,
    out: Annotated[Path | None, typer.Option("--out", help="Write an XLSX workbook.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Compare the books of a month; status 1 where a proof is not equal."""
    from billing.periods import month_span
    from billing.reading import snapshot
    from billing.reports.files import write_workbook
    from core.clock import SystemClock
    from gateway.reports import Reports
    from gateway.settings import load_settings

    span, stated = month_span(month), _statement(statement)
    reports = Reports.of(load_settings(config), SystemClock())

    async def read(database: "Database") -> "ReconciliationReport":
        async with snapshot(database) as session:
            return await reports.reconciliation(
                session, tenant, *span, statement=stated, upstream=upstream, limit=limit
            )

    report = with_database(config, read)
    if out is not None:
        write_workbook(report.tables(), report.facts(), out)
    elif as_json:
        print_json(report.to_json())
    else:
        _show(report)
    if not report.ok:
        raise typer.Exit(1)


def _statement(path: Path | None) -> "Statement | None":
    from billing.reports.statement import read_statement

    if path is None:
        return None
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise InvalidRequest(f"{path} cannot be read as UTF-8 text.", param="statement") from None
    return read_statement(text.splitlines())


def _show(report: "ReconciliationReport") -> None:
    body = report.to_json()
    total = dict.fromkeys(("upstream", "model", "zone"), "total") | body["total"]
    print_table(without_zeros([*body["rows"], total], keep=_KEPT))
    print()
    print_table([_proof(proof) for proof in body["proofs"]])
    for found in report.notable:
        print(f"{found.kind}: {found.count} requests, {body['currency']} {found.to_json()['cost']}")
        for request in found.requests:
            print(f"  {request.request_id}  {request.model}  {request.ended}")
    if report.statement is not None:
        print_table([row.to_json() for row in report.statement if not row.equal])


def _proof(proof: dict[str, Any]) -> dict[str, Any]:
    verdict = "equal" if proof["equal"] else f"differs by {proof['difference']}"
    sides = {name: proof[name] for name in ("left_source", "left", "right_source", "right")}
    return {"what": proof["what"], **sides, "verdict": verdict}
