"""``sovgate audit report`` and ``sovgate audit check-report``."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from billing.reading import snapshot
from core.clock import SystemClock
from gateway.audit.cli_support import (
    FAILED,
    USAGE,
    ConfigOption,
    TenantOption,
    instant,
    open_database,
    output,
    usage_errors,
)
from gateway.audit.keys import SigningKey, load_public_key
from gateway.evidence.errors import InvalidEvidence
from gateway.evidence.files import EvidenceFormat, EvidenceMaker
from gateway.evidence.signing import check_pack
from gateway.settings import Settings, load_settings


def report(
    tenant: TenantOption,
    start: Annotated[str, typer.Option("--from", help="First instant or day (UTC if bare).")],
    end: Annotated[str, typer.Option("--to", help="Instant before which it ends, or last day.")],
    file_format: Annotated[
        EvidenceFormat, typer.Option("--format", help="zip holds all of them, and the records.")
    ] = "json",
    out: Annotated[Path | None, typer.Option(help="File; standard output if not given.")] = None,
    config: ConfigOption = None,
) -> None:
    """What a tenant's trail shows of a span of time, for the AI Act and the GDPR, signed.

    It says what the data shows and what it does not, never that a duty is met. Status 1 if the
    chain does not verify; the pack is written all the same and says so.
    """
    with usage_errors():
        first, last = instant(start, "--from", end=False), instant(end, "--to", end=True)
        if first is None or last is None or first >= last:
            raise typer.BadParameter("A report must end after it starts.")
        settings = load_settings(config)
        with output(out) as stream:
            pack = asyncio.run(_write(settings, tenant, first, last, file_format, stream))
    where = f" to {out}" if out else ""
    typer.echo(f"Evidence of {pack['records']['count']} records of {tenant}{where}.", err=True)
    sound = all(chain["ok"] for chain in pack["integrity"]["chain"])
    if not sound or pack["integrity"]["bodies"]["findings"]["count"]:
        typer.echo("The trail does not verify; the report says how.", err=True)
        raise typer.Exit(FAILED)


def check_report(
    file: Annotated[Path, typer.Argument(help="An evidence pack in JSON.")],
    public_key: Annotated[
        Path | None,
        typer.Option(help="The operator's public key (PEM or 64 hex digits), got by another way."),
    ] = None,
) -> None:
    """Whether an evidence pack is as it was signed; needs no deployment."""
    with usage_errors():
        pinned = load_public_key(public_key) if public_key else None
    try:
        pack = check_pack(file, pinned)
    except InvalidEvidence as error:
        typer.echo(f"FAILED: {error.message}")
        raise typer.Exit(FAILED) from None
    except OSError as error:
        typer.echo(f"{file}: {error.strerror}.", err=True)
        raise typer.Exit(USAGE) from None
    signer = pack["signature"]["key_id"]
    asked = "the given key" if pinned else "key"
    note = "" if pinned else ", as the file itself says: compare it with the operator's"
    typer.echo(f"OK: evidence of tenant {pack['tenant']}, signed by {asked} {signer}{note}.")


async def _write(
    settings: Settings,
    tenant: str,
    start: datetime,
    end: datetime,
    file_format: EvidenceFormat,
    out: BinaryIO,
) -> dict[str, Any]:
    key = SigningKey.load_or_create(settings.audit.signing_key_file, settings.data_dir)
    maker = EvidenceMaker.of(settings, key, SystemClock())
    async with open_database(settings) as database, snapshot(database) as session:
        return await maker.write(session, tenant, start, end, file_format, out)


def register(audit_app: typer.Typer) -> None:
    """Add the commands to ``sovgate audit``."""
    audit_app.command("report")(report)
    audit_app.command("check-report")(check_report)
