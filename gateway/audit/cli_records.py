"""``sovgate audit list``, ``show`` and ``digest``: looking records up by hand."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from billing.ledger.entries import entry_to_json, list_entries
from core.clock import isoformat
from gateway.audit.admin import object_digest
from gateway.audit.cli_support import (
    ConfigOption,
    FilterOption,
    FromOption,
    TenantOption,
    ToOption,
    open_database,
    record_filter,
    usage_errors,
)
from gateway.audit.errors import InvalidFilter
from gateway.audit.filters import RecordFilter
from gateway.audit.query import find, newest, tenant_of
from gateway.audit.showing import describe
from gateway.settings import Settings, load_settings

_COLUMNS = ("seq", "time", "id", "what", "who", "where")


def list_command(
    tenant: TenantOption,
    start: FromOption = None,
    end: ToOption = None,
    wanted: FilterOption = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print whole records, one a line.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """A tenant's records, newest first.

    --filter takes the names that records have: kind, request_id, actor, method, action, target,
    outcome, verdict, category, error_code, upstream, zone, model, tier, key_id, project, user.
    """
    with usage_errors():
        asked = record_filter(wanted, start, end)
        rows = asyncio.run(_newest(load_settings(config), tenant, asked, limit))
    if as_json:
        for row in rows:
            chain = {"prev_hash": row.prev_hash, "hash": row.hash}
            typer.echo(json.dumps(json.loads(row.body) | chain, ensure_ascii=False))
        return
    for line in _table([_cells(row) for row in rows]):
        typer.echo(line)


def show_command(
    request_id: Annotated[
        str, typer.Argument(help="As in x-sovgate-request-id; with --tenant, also a number.")
    ],
    tenant: Annotated[str | None, typer.Option(help="Whose it is, if you know.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    config: ConfigOption = None,
) -> None:
    """One request: its record, where its time went, and what the ledger says of it."""
    with usage_errors():
        found = asyncio.run(_one(load_settings(config), tenant, request_id))
        if found is None:
            raise InvalidFilter("There is no such record.", param="request_id")
        if as_json:
            typer.echo(json.dumps(found, ensure_ascii=False))
            return
        for line in describe(found):
            typer.echo(line)


def digest_command(
    file: Annotated[
        Path | None, typer.Argument(help="A JSON value; standard input if not given.")
    ] = None,
) -> None:
    """The digest that `before` and `after` of an administrative record hold of an object."""
    with usage_errors():
        text = sys.stdin.read() if file is None else file.read_text("utf-8")
        try:
            value = json.loads(text, parse_float=_no_float)
        except (ValueError, RecursionError):
            raise InvalidFilter(
                "This is no JSON value without fractions: send amounts as text.", param="file"
            ) from None
        typer.echo(object_digest(value) or "null")


async def _one(settings: Settings, tenant: str | None, name: str) -> dict[str, Any] | None:
    async with open_database(settings) as database, database.session() as session:
        owner = tenant if tenant is not None else await tenant_of(session, name)
        row = None if owner is None else await find(session, owner, name)
        if owner is None or row is None:
            return None
        entries = await list_entries(session, owner, request_id=row.request_id)
    return {
        "tenant": owner,
        "record": json.loads(row.body) | {"prev_hash": row.prev_hash, "hash": row.hash},
        "ledger": [entry_to_json(entry) for entry in reversed(entries)],
    }


async def _newest(
    settings: Settings, tenant: str, wanted: RecordFilter, limit: int
) -> Sequence[Any]:
    found: list[Any] = []
    before: int | None = None
    async with open_database(settings) as database, database.session() as session:
        while True:
            page = await newest(session, tenant, wanted, limit=limit - len(found), before=before)
            found += page.records
            before = page.next_before
            if before is None or len(found) >= limit:
                return found


def _cells(row: Any) -> list[str]:
    body = json.loads(row.body)
    what = body.get("action") or body.get("outcome") or ""
    if body.get("error_code"):
        what = f"{what} ({body['error_code']})"
    who = body.get("actor") or body.get("key_id") or ""
    where = body.get("target") or "/".join(
        part for part in (body.get("zone"), body.get("upstream")) if part
    )
    return [str(row.seq), isoformat(row.time), row.request_id, what, who, where]


def _table(rows: list[list[str]]) -> list[str]:
    lines = [list(_COLUMNS), *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(_COLUMNS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _no_float(text: str) -> Any:
    raise ValueError(text)
