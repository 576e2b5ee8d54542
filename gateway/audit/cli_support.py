"""What the commands of ``sovgate audit`` share: settings' database, files, times, errors."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from sqlalchemy.exc import SQLAlchemyError

from core.database import Database
from core.errors import SovgateError
from gateway.audit.errors import InvalidFilter
from gateway.audit.filters import RecordFilter
from gateway.settings import Settings

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file of the deployment.")
]
TenantOption = Annotated[str, typer.Option(help="Tenant, or `_system` for global records.")]
FromOption = Annotated[
    str | None, typer.Option("--from", help="First instant or day (RFC 3339; UTC if bare).")
]
ToOption = Annotated[
    str | None,
    typer.Option("--to", help="Instant before which it ends, or last day (included)."),
]
FilterOption = Annotated[
    list[str] | None,
    typer.Option("--filter", help="NAME=VALUE, such as zone=eu; repeatable, all must hold."),
]
FAILED, USAGE = 1, 2


def record_filter(texts: list[str] | None, start: str | None, end: str | None) -> RecordFilter:
    """What ``--filter``, ``--from`` and ``--to`` ask for.

    Raises:
        InvalidFilter: an unknown name, or no NAME=VALUE.
    """
    params: dict[str, str] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or name in ("start", "end"):
            raise InvalidFilter("--filter must look like zone=eu.", param="filter")
        params[name] = value
    times = {"start": instant(start, "--from", end=False), "end": instant(end, "--to", end=True)}
    return replace(RecordFilter.from_params(params), **times)


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database.url)
    try:
        yield database
    finally:
        await database.dispose()


@contextmanager
def output(out: Path | None) -> Iterator[BinaryIO]:
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
def usage_errors() -> Iterator[None]:
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


def instant(text: str | None, option: str, *, end: bool) -> datetime | None:
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
