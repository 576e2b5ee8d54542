"""``sovgate audit export`` and ``sovgate audit verify``.

Data goes to standard output (or ``--out``), remarks to standard error. Exit
codes: 0 fine, 1 something does not verify, 2 wrong usage or settings.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from sqlalchemy.exc import SQLAlchemyError

from core.database import Database
from core.errors import SovgateError
from gateway.audit.export import ExportResult, export
from gateway.audit.formats import Format
from gateway.audit.keys import PUBLIC_KEY_FILE, SigningKey, load_public_key
from gateway.audit.verify import VerifyReport, verify_database, verify_file
from gateway.settings import Settings, load_settings

audit_app = typer.Typer(
    name="audit", help="Export and verify the audit trail.", no_args_is_help=True
)
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file of the deployment.")
]
FAILED, USAGE = 1, 2


@audit_app.command("export")
def export_command(
    tenant: Annotated[str, typer.Option(help="Tenant, or `_system` for global records.")],
    start: Annotated[
        str | None, typer.Option("--from", help="First instant or day (RFC 3339; UTC if bare).")
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", help="Instant before which it ends, or last day (included)."),
    ] = None,
    kind: Annotated[Format, typer.Option("--format", help="File format.")] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="File; standard output if not given.")] = None,
    config: ConfigOption = None,
) -> None:
    """Write a tenant's audit records, with a signed end, for `audit verify`.

    Reads the database, to which a running gateway brings each record within a
    second. --from and --to go by the time at which a record joined the chain.
    """
    with _usage_errors():
        first, last = _instant(start, "--from", end=False), _instant(end, "--to", end=True)
        settings = load_settings(config)
        with _output(out) as stream:
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
    as_json: Annotated[bool, typer.Option("--json", help="Print the full report.")] = False,
    config: ConfigOption = None,
) -> None:
    """Find edited, deleted, inserted, reordered or truncated records.

    A FILE is verified offline: neither a database nor a configuration is
    needed. Without --public-key the key inside the file is used, and said so.
    """
    with _usage_errors():
        pinned = load_public_key(public_key) if public_key else None
        if file is not None:
            reports = [verify_file(file, pinned)]
        else:
            reports = asyncio.run(_verify_database(load_settings(config), pinned))
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
    async with _database(settings) as database, database.session() as session:
        return await export(session, tenant, start, end, kind, stream, key=key)


async def _verify_database(settings: Settings, pinned: str | None) -> list[VerifyReport]:
    own = settings.data_dir / PUBLIC_KEY_FILE
    keys = [pinned] if pinned else [load_public_key(own)] if own.exists() else []
    async with _database(settings) as database, database.session() as session:
        return await verify_database(session, None, keys)


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database.url)
    try:
        yield database
    finally:
        await database.dispose()


@contextmanager
def _output(out: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that appears under its name only when it is complete."""
    if out is None:
        yield sys.stdout.buffer
        return
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as stream:
            yield stream
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _usage_errors() -> Iterator[None]:
    try:
        yield
    except SovgateError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(USAGE) from error
    except OSError as error:
        typer.echo(f"{error.filename or 'The database'}: {error.strerror or error}.", err=True)
        raise typer.Exit(USAGE) from error
    except SQLAlchemyError as error:
        typer.echo(
            f"The database cannot be read ({type(error).__name__}): check database.url, "
            "and run `sovgate db upgrade`.",
            err=True,
        )
        raise typer.Exit(USAGE) from error


def _instant(text: str | None, option: str, *, end: bool) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{option}: {text!r} is neither a day (2026-11-21) nor an RFC 3339 time."
        ) from None
    if end and len(text) == 10 and instant.time() == time():
        instant += timedelta(days=1)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant


def _report(reports: list[VerifyReport]) -> dict[str, object]:
    return {
        "ok": all(report.ok for report in reports),
        "reports": [{**asdict(report), "summary": report.summary()} for report in reports],
    }
