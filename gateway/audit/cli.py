"""``sovgate audit export`` and ``sovgate audit verify``.

Data goes to standard output (or ``--out``), remarks to standard error. Exit
codes: 0 fine, 1 something does not verify, 2 wrong usage or settings.
"""

import asyncio
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from core.clock import SystemClock
from gateway.audit.anchors import AnchorBook, Judges, read_anchors
from gateway.audit.cli_support import (
    FAILED,
    ConfigOption,
    FilterOption,
    FromOption,
    TenantOption,
    ToOption,
    instant,
    open_database,
    output,
    record_filter,
    usage_errors,
)
from gateway.audit.export import ExportResult, export
from gateway.audit.filters import RecordFilter
from gateway.audit.formats import Format
from gateway.audit.keys import PUBLIC_KEY_FILE, SigningKey, load_public_key
from gateway.audit.selection import SelectionResult, export_selection
from gateway.audit.verify import VerifyReport, verify_database, verify_file
from gateway.settings import Settings, load_settings

audit_app = typer.Typer(
    name="audit", help="Export and verify the audit trail.", no_args_is_help=True
)


@audit_app.command("export")
def export_command(
    tenant: TenantOption,
    start: FromOption = None,
    end: ToOption = None,
    wanted: FilterOption = None,
    kind: Annotated[Format, typer.Option("--format", help="File format.")] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="File; standard output if not given.")] = None,
    config: ConfigOption = None,
) -> None:
    """Write a tenant's audit records, with a signed end, for `audit verify`.

    Reads the database, to which a running gateway brings each record within a
    second. --from and --to go by the time at which a record joined the chain. With
    --filter (see `audit list`) each record comes with a proof of its own instead.
    """
    with usage_errors():
        asked = record_filter(wanted, start, end)
        if asked.selects:
            with output(out) as stream:
                selected = asyncio.run(_select(load_settings(config), tenant, asked, kind, stream))
            where = f" to {out}" if out else ""
            typer.echo(
                f"{selected.records} records of {tenant}{where}, of {selected.covered} that are "
                "signed; a filtered export does not prove that none is missing.",
                err=True,
            )
            return
        first, last = instant(start, "--from", end=False), instant(end, "--to", end=True)
        settings = load_settings(config)
        with output(out) as stream:
            result = asyncio.run(_export(settings, tenant, first, last, kind, stream))
    if result.findings:
        finding = result.findings[0]
        typer.echo(
            f"The chain in the database does not verify ({finding.damage} near record "
            f"{finding.seq}: {finding.message}), so the export is not signed.",
            err=True,
        )
        raise typer.Exit(FAILED)
    where = f" to {out}" if out else ""
    typer.echo(f"{result.records} records of {tenant}{where}.", err=True)


@audit_app.command("verify")
def verify_command(
    file: Annotated[
        Path | None, typer.Argument(help="An export; the database if not given.")
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(help="The operator's public key (PEM or 64 hex digits), got by another way."),
    ] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(help="What anchors outside have seen, a line each: `audit anchors`."),
    ] = None,
    tsa_ca: Annotated[
        Path | None, typer.Option(help="Certificates (PEM) of the time-stamping authority.")
    ] = None,
    witness_key: Annotated[
        list[Path] | None, typer.Option(help="Public key of a witness; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the full report.")] = False,
    config: ConfigOption = None,
) -> None:
    """Find edited, deleted, inserted, reordered or truncated records.

    A FILE is verified offline: neither a database nor a configuration is
    needed. Without --public-key the key inside the file is used, and said so.
    With --anchors it is found, too, if the owner of the signing key has made the
    chain anew.
    """
    with usage_errors():
        pinned = load_public_key(public_key) if public_key else None
        judges = Judges(tsa_ca, [load_public_key(key) for key in witness_key or ()])
        book = read_anchors(anchors, judges) if anchors else None
        if file is not None:
            reports = [verify_file(file, pinned, book)]
        else:
            reports = asyncio.run(_verify_database(load_settings(config), pinned, book))
    if as_json:
        typer.echo(json.dumps(_report(reports), ensure_ascii=False))
    else:
        for report in reports:
            typer.echo(report.summary())
        if not reports:
            typer.echo("OK: the database holds no audit records yet.")
    if not all(report.ok for report in reports):
        raise typer.Exit(FAILED)


async def _export(
    settings: Settings,
    tenant: str,
    start: datetime | None,
    end: datetime | None,
    kind: Format,
    stream: BinaryIO,
) -> ExportResult:
    key = SigningKey.load_or_create(settings.audit.signing_key_file, settings.data_dir)
    async with open_database(settings) as database, database.session() as session:
        return await export(session, tenant, start, end, kind, stream, key=key)


async def _select(
    settings: Settings, tenant: str, wanted: RecordFilter, kind: Format, stream: BinaryIO
) -> SelectionResult:
    async with open_database(settings) as database, database.session() as session:
        return await export_selection(session, tenant, wanted, kind, stream)


async def _verify_database(
    settings: Settings, pinned: str | None, anchors: AnchorBook | None
) -> list[VerifyReport]:
    from gateway.archive.verification import with_bodies

    own = settings.data_dir / PUBLIC_KEY_FILE
    keys = [pinned] if pinned else [load_public_key(own)] if own.exists() else []
    async with open_database(settings) as database, database.session() as session:
        reports = await verify_database(session, None, keys, anchors)
        return await with_bodies(session, reports, keys, SystemClock().now())


def _report(reports: list[VerifyReport]) -> dict[str, object]:
    return {
        "ok": all(report.ok for report in reports),
        "reports": [{**asdict(report), "summary": report.summary()} for report in reports],
    }
