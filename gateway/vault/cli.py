"""``sovgate vault``: what the vault holds, and erasing from it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.batches.erasure import erase_stored
from gateway.retention.erasure import refuse_if_held
from gateway.tenants.cli.deployment import (
    ConfigOption,
    Deployment,
    JsonOption,
    ReasonOption,
    Row,
    TenantOption,
    run,
    show,
    show_all,
)
from gateway.vault.erasure import Erasure, erase_tenant, erase_value, rewrap_all
from gateway.vault.keys import MasterKeys
from gateway.vault.repository import VaultRepository, all_tenants, purge_expired
from gateway.vault.startup import load_master

vault_app = typer.Typer(
    no_args_is_help=True, help="What conversations remember of masked values, sealed."
)
_NOTE = "The master key comes from the environment: change it there, old copies open with it."


@vault_app.command("stats")
def stats(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """How much each tenant's vault holds."""

    async def task(deployment: Deployment) -> list[Row]:
        rows: list[Row] = []
        for tenant in await all_tenants(deployment.session):
            repository = VaultRepository(deployment.session, tenant.tenant)
            figures = await repository.figures(deployment.clock.now())
            rows.append({"tenant": tenant.tenant, **figures})
        return rows

    columns = ("tenant", "conversations", "expired_conversations", "subjects", "entries")
    show_all(run(config, task), columns, as_json=as_json)


@vault_app.command("purge")
def purge(
    reason: ReasonOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Remove conversations that have expired; a running gateway does so every hour."""

    async def task(deployment: Deployment) -> int:
        count = await purge_expired(deployment.session, deployment.clock.now())
        if count:
            await deployment.record(None, "vault.purge", "vault", after={"conversations": count})
        return count

    count = run(config, task, reason=reason)
    show({"conversations": count}, as_json=as_json, text=f"Removed {count} conversations.")


@vault_app.command("erase")
def erase(
    tenant: TenantOption,
    value: Annotated[
        str | None,
        typer.Option("--value", help="What to erase; '-' reads it from standard input."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The tenant's whole vault.")] = False,
    aliases: Annotated[
        bool,
        typer.Option("--aliases", help="Also values beside it that share a word with it."),
    ] = False,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Destroy the keys of one value or of a tenant, in old copies of the database too."""
    if (value is None) is not everything:
        raise typer.BadParameter("Give either --value VALUE or --all.")
    wanted = sys.stdin.readline().rstrip("\n") if value == "-" else value

    async def task(deployment: Deployment) -> Row:
        master = load_master(deployment.settings)
        if wanted is None:
            await refuse_if_held(deployment.session, tenant)
            erased = await erase_tenant(deployment.session, master, tenant)
            await erase_stored(deployment.session, tenant)
        else:
            erased = await erase_value(deployment.session, master, tenant, wanted, aliases=aliases)
        if erased is not None:
            target = tenant if wanted is None else f"subject:{erased.subject[:16]}"
            action = "vault.erase_tenant" if wanted is None else "vault.erase"
            after = {"entries": erased.entries}
            await deployment.record(tenant, action, target, after=after)
        return {"_master": master, **_row(erased, aliases=aliases)}

    row = dict(run(config, task, reason=reason))
    master = row.pop("_master")
    if row["found"]:
        _finish(config, master)
    row["master_key_changed"] = row["found"] and master.can_rotate
    show(row, as_json=as_json, text=_text(row))


def _finish(config: Path | None, master: MasterKeys) -> None:
    """Destroy the old master key, once no tenant needs it: none made meanwhile either."""
    run(config, lambda deployment: rewrap_all(deployment.session, master))
    master.finish_rotation()


def _row(erased: Erasure | None, *, aliases: bool) -> Row:
    if erased is None:
        return {"found": False, "entries": 0, "conversations": 0, "aliases": []}
    return {
        "found": True,
        "entries": erased.entries,
        "conversations": erased.conversations,
        "aliases": [
            {
                "entity_type": alias.entity_type,
                "token": alias.slot,
                "conversation": alias.conversation[:12],
                "erased": aliases,
            }
            for alias in erased.aliases
        ],
    }


def _text(row: Row) -> str:
    if not row["found"]:
        return "The vault does not have it."
    lines = [f"Erased {row['entries']} entries."]
    lines += [
        f"{'Erased' if alias['erased'] else 'Kept (see --aliases)'}: {alias['entity_type']}"
        f" {alias['token']} of conversation {alias['conversation']} may be the same person."
        for alias in row["aliases"]
    ]
    return "\n".join(lines if row["master_key_changed"] else [*lines, _NOTE])
