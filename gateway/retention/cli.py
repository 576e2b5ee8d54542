"""``sovgate audit body | hold | erase | removals``: stored content, and what becomes of it."""

import json
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from core.clock import isoformat
from gateway.archive.reading import OpenedBody, read_bodies
from gateway.archive.repository import ArchiveRepository
from gateway.audit.cli_support import instant
from gateway.audit.keys import SigningKey
from gateway.audit.pruning import Pruning
from gateway.pseudonyms import end_user_pseudonym, is_pseudonym
from gateway.retention import repository
from gateway.retention.erasure import Person, erase_person
from gateway.retention.holds import Holds, HoldScope
from gateway.retention.models import AuditHold
from gateway.retention.statements import ErasureStatement
from gateway.tenants.cli.deployment import (
    ConfigOption,
    Deployment,
    JsonOption,
    Row,
    TenantOption,
    run,
    show,
    show_all,
)
from gateway.vault.erasure import rewrap_all
from gateway.vault.startup import load_master

NeededReason = Annotated[
    str, typer.Option("--reason", help="Why; kept in the audit trail, no personal data.")
]
UserOption = Annotated[
    str | None,
    typer.Option(
        "--user", help="The end user as the application names them, or their pseudonym (eu_...)."
    ),
]
hold_app = typer.Typer(no_args_is_help=True, help="Legal holds: what must stay.")
_HOLD_FIELDS = tuple(column.name for column in AuditHold.__table__.columns)
_COLUMNS = ("id", "in_force", "since", "until", "end_user", "actor", "requests", "reason")


def body(
    request_id: Annotated[str, typer.Argument(help="`req_...`")],
    tenant: TenantOption,
    reason: NeededReason,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open the stored prompt and answer of a request: masked, as the upstream saw them.

    It leaves an administrative record with the reason.
    """

    async def task(deployment: Deployment) -> list[OpenedBody]:
        wrapper = load_master(deployment.settings)
        parts = await read_bodies(deployment.session, wrapper, tenant, request_id)
        states = {part.part: part.state for part in parts}
        await deployment.record(tenant, "audit.body.read", request_id, after=states)
        return parts

    parts = run(config, task, reason=reason)
    rows = [_plain(asdict(part)) for part in parts]
    text = "\n\n".join(_part_text(part) for part in parts)
    show({"request_id": request_id, "parts": rows}, as_json=as_json, text=text)


@hold_app.command("create")
def create_hold(
    tenant: TenantOption,
    reason: NeededReason,
    since: Annotated[
        str | None, typer.Option("--from", help="Records that joined the chain from then on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="And before; a day is included.")
    ] = None,
    user: UserOption = None,
    actor: Annotated[str | None, typer.Option(help="Of this administrator (usr_...).")] = None,
    request: Annotated[list[str] | None, typer.Option(help="A request id; repeatable.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep what matches, whatever retention and erasure would do; all options must match."""
    first, last = instant(since, "--from", end=False), instant(until, "--to", end=True)

    async def task(deployment: Deployment) -> Row:
        named = None if user is None else _pseudonym(deployment, tenant, user)
        scope = HoldScope(first, last, named, actor, tuple(request or ()))
        hold = await Holds(deployment.session, tenant).create(
            scope, reason=reason, author="cli", now=deployment.clock.now()
        )
        row = _hold_row(hold)
        await deployment.record(tenant, "audit.hold.create", hold.id, after=row)
        return row

    row = run(config, task, reason=reason)
    show(row, as_json=as_json, text=f"Hold {row['id']} is in force.")


@hold_app.command("list")
def list_holds(
    tenant: TenantOption, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """All holds of a tenant, those that were released among them."""

    async def task(deployment: Deployment) -> list[Row]:
        return [_hold_row(hold) for hold in await Holds(deployment.session, tenant).all()]

    show_all(run(config, task), _COLUMNS, as_json=as_json)


@hold_app.command("release")
def release_hold(
    hold_id: Annotated[str, typer.Argument(help="`hold_...`")],
    tenant: TenantOption,
    reason: NeededReason,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a hold: the next run of retention removes what is due."""

    async def task(deployment: Deployment) -> Row:
        hold = await Holds(deployment.session, tenant).release(
            hold_id, reason=reason, author="cli", now=deployment.clock.now()
        )
        row = _hold_row(hold)
        await deployment.record(tenant, "audit.hold.release", hold.id, after=row)
        return row

    row = run(config, task, reason=reason)
    show(row, as_json=as_json, text=f"Hold {hold_id} is released.")


def erase(
    tenant: TenantOption,
    reason: NeededReason,
    user: UserOption = None,
    value: Annotated[
        list[str] | None,
        typer.Option(
            help="A name, address or the like of the person, to erase from the vault as well;"
            " repeatable, '-' reads lines from standard input."
        ),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Destroy the keys of an end user's bodies and of what their conversations remember.

    In old copies of the database too. A legal hold refuses it.
    """
    if user is None:
        raise typer.BadParameter("Name the end user with --user.")
    values = tuple(_values(value or []))

    async def task(deployment: Deployment) -> Row:
        settings = deployment.settings
        wrapper = load_master(settings)
        key = SigningKey.load_or_create(settings.audit.signing_key_file, settings.data_dir)
        person = Person(_pseudonym(deployment, tenant, user), values)
        statement = await erase_person(
            deployment.session,
            wrapper,
            key,
            tenant,
            person,
            reason=reason,
            now=deployment.clock.now(),
        )
        await deployment.record(tenant, "audit.erase", person.pseudonym, after=statement.to_dict())
        return {"_wrapper": wrapper, **statement.to_dict()}

    row = dict(run(config, task, reason=reason))
    wrapper = row.pop("_wrapper")
    if wrapper.can_rotate:
        run(config, lambda deployment: rewrap_all(deployment.session, wrapper))
        wrapper.finish_rotation()
    row["master_key_changed"] = wrapper.can_rotate
    text = (
        f"Erased {row['bodies']} bodies, {row['conversations']} conversations and"
        f" {row['entries']} values of {row['owner']}. docs/content.md says what remains."
    )
    if not wrapper.can_rotate:
        text += "\nThe master key comes from the environment: change it there, too."
    show(row, as_json=as_json, text=text)


def removals(
    tenant: TenantOption, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """What was removed of a tenant's trail: signed statements, and figures of its bodies."""

    async def task(deployment: Deployment) -> Row:
        session = deployment.session
        prunings = await repository.prunings(session, tenant)
        erasures = await repository.erasures(session, tenant)
        return {
            "bodies": await ArchiveRepository(session, tenant).figures(),
            "prunings": [Pruning.from_row(row).to_dict() for row in prunings],
            "erasures": [ErasureStatement.from_row(row).to_dict() for row in erasures],
        }

    row = run(config, task)
    lines = [
        f"Bodies: {', '.join(f'{count} {name}' for name, count in row['bodies'].items())}.",
        *(f"{item['time']}: records up to {item['last_seq']}, {item['reason']}."
          for item in row["prunings"]),
        *(f"{item['time']}: {item['owner']}, {item['bodies']} bodies, {item['reason']}."
          for item in row["erasures"]),
    ]  # fmt: skip
    show(row, as_json=as_json, text="\n".join(lines))


def _pseudonym(deployment: Deployment, tenant: str, user: str) -> str:
    return user if is_pseudonym(user) else end_user_pseudonym(deployment.pepper, tenant, user)


def _values(given: list[str]) -> list[str]:
    found: list[str] = []
    for value in given:
        found += sys.stdin.read().splitlines() if value == "-" else [value]
    return [value for value in found if value.strip()]


def _part_text(part: OpenedBody) -> str:
    title = f"# {part.part}"
    if part.content is None:
        return f"{title}\n{part.state}"
    notes = [] if part.intact else ["NOT what the audit record names"]
    notes += ["cut"] if part.cut else []
    heading = f"{title} ({', '.join(notes)})" if notes else title
    return f"{heading}\n{json.dumps(part.content, ensure_ascii=False, indent=2)}"


def _hold_row(hold: AuditHold) -> Row:
    values = _plain({name: getattr(hold, name) for name in _HOLD_FIELDS})
    ids = hold.request_ids or []
    return {**values, "in_force": hold.released_at is None, "requests": len(ids) or None}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: isoformat(value) if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def register(audit_app: typer.Typer) -> None:
    """Add the commands to ``sovgate audit``."""
    audit_app.command("body")(body)
    audit_app.command("erase")(erase)
    audit_app.command("removals")(removals)
    audit_app.add_typer(hold_app, name="hold")
