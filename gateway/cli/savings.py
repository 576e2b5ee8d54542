"""``sovgate report savings``: what the same traffic would have cost otherwise."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import ConfigOption, JsonOption, print_json, print_table
from gateway.cli.reading import (
    FileOption,
    FromOption,
    ToOption,
    span_of,
    with_database,
    without_zeros,
    write_report,
)

if TYPE_CHECKING:
    from billing.reports.savings_rows import SavingsReport
    from core.database import Database

_KEPT = ("tenant", "trend", "requests", "cost", "baseline")


def savings(
    baseline: Annotated[str, typer.Option(help="A model of the price book, such as gpt-5.5.")],
    tenant: Annotated[str | None, typer.Option(help="Tenant; default: all.")] = None,
    start: FromOption = None,
    end: ToOption = None,
    always_think: Annotated[
        str | None, typer.Option(help="And with everything on this tier, such as think-max.")
    ] = None,
    reasoning_ratio: Annotated[
        str | None,
        typer.Option(help="Reasoning tokens per output token where none can be measured."),
    ] = None,
    precise: Annotated[
        bool, typer.Option("--precise", help="Request by request: long prompts, minimum charges.")
    ] = False,
    out: FileOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """What the same traffic would have cost on another model, and with everything thinking."""
    from billing.reading import snapshot
    from core.clock import SystemClock
    from core.money import parse_amount
    from gateway.reports import Reports, SavingsQuestion
    from gateway.settings import load_settings

    question = SavingsQuestion(
        baseline=baseline,
        tier=always_think,
        reasoning_ratio=None if reasoning_ratio is None else parse_amount(reasoning_ratio),
        precise=precise,
    )
    reports = Reports.of(load_settings(config), SystemClock())
    span = span_of(start, end)

    async def read(database: "Database") -> "SavingsReport":
        async with snapshot(database) as session:
            return await reports.savings(session, tenant, *span, question)

    report = with_database(config, read)
    if out is not None:
        write_report(report.table(), out)
    elif as_json:
        print_json(report.to_json())
    else:
        _show(report)


def _show(report: "SavingsReport") -> None:
    body = report.to_json()
    total = body["total"] | {"tenant": "total", "trend": None}
    print(f"{body['from']} to {body['to']}, {body['currency']}")
    print_table(without_zeros([*body["rows"], total], keep=_KEPT))
    print(report.verdict)
    for note in report.notes:
        print(f"- {note}")
