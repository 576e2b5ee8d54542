"""What every command does around its one task: settings, database, audit, output."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, SystemClock
from core.database import Database
from core.errors import SovgateError
from gateway.audit import append_admin, reasons
from gateway.audit.errors import ReasonRequired
from gateway.identity import load_pepper
from gateway.settings import Settings, load_settings
from migrations.runner import upgrade

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="The deployment's sovgate.yaml.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]
TenantOption = Annotated[str, typer.Option("--tenant", help="Name of the tenant.")]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="Kept in the audit trail; no personal data.")
]

_T = TypeVar("_T")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deployment:
    """An open deployment, inside one transaction.

    Args:
        reason: of the command, masked.
    """

    settings: Settings
    clock: Clock
    pepper: bytes
    session: AsyncSession
    reason: str | None = None

    async def record(
        self,
        tenant: str | None,
        action: str,
        target: str,
        *,
        before: Any = None,
        after: Any = None,
    ) -> None:
        """Append an admin action of the command line to the trail; call it last.

        Raises:
            ReasonRequired: the command had no ``--reason``, and the deployment wants one.
        """
        if self.reason is None and self.settings.audit.require_reason:
            raise ReasonRequired
        await append_admin(
            self.session,
            tenant=tenant,
            actor="cli",
            method="cli",
            action=action,
            target=target,
            before=before,
            after=after,
            reason=self.reason,
            clock=self.clock,
        )


def run(
    config: Path | None, task: Callable[[Deployment], Awaitable[_T]], *, reason: str | None = None
) -> _T:
    """Do one task in one transaction; an expected error ends the program with status 1.

    Args:
        reason: what ``--reason`` says, for the records that the task leaves.
    """
    try:
        return asyncio.run(_run(config, task, reason))
    except SovgateError as error:
        typer.echo(f"sovgate: {error.message} [{error.code}]", err=True)
    except (OperationalError, InterfaceError, OSError):
        typer.echo(
            "sovgate: The database does not answer, or lacks its tables. Check database.url and "
            "run `sovgate db upgrade`. [database_unavailable]",
            err=True,
        )
    raise typer.Exit(1)


async def _run(
    config: Path | None, task: Callable[[Deployment], Awaitable[_T]], reason: str | None
) -> _T:
    settings = load_settings(config)
    masked = reasons.of_command(reason, required=False)  # before the database is locked
    pepper = load_pepper(settings)
    async with _open(settings) as database, database.transaction() as session:
        return await task(Deployment(settings, SystemClock(), pepper, session, masked))


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database.url, pool_size=1)
    try:
        if database.is_sqlite:  # the embedded database is made where it is missing
            _make_folder(settings.database.url)
            await upgrade(database)
        yield database
    finally:
        await database.dispose()


def _make_folder(url: str) -> None:
    Path(url.partition(":///")[2]).parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def show(row: Row, *, as_json: bool, text: str) -> None:
    """Print one object: as JSON, or a sentence."""
    typer.echo(json.dumps(row, default=str) if as_json else text)


def show_all(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool) -> None:
    """Print a list: as JSON, or as aligned columns."""
    if as_json:
        typer.echo(json.dumps(list(rows), default=str))
        return
    cells = [list(columns), *([_cell(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def _cell(value: Any) -> str:
    return "-" if value is None else str(value)
