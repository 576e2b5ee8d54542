"""``sovgate audit prove`` and ``sovgate audit rotate-key``."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from core.clock import SystemClock
from gateway.audit.cli_support import ConfigOption, open_database, output, usage_errors
from gateway.audit.encoding import encode_canonical
from gateway.audit.proofs import prove
from gateway.audit.reasons import of_command
from gateway.audit.rotation import Rotation, rotate_key
from gateway.settings import Settings, load_settings


def prove_command(
    request_id: Annotated[str, typer.Argument(help="Of the record: `req_...` or `adm_...`.")],
    tenant: Annotated[
        str | None, typer.Option(help="Whose; needed only if several have this id.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File; standard output if not given.")] = None,
    config: ConfigOption = None,
) -> None:
    """Print a proof that one record is in the signed chain, for `audit verify`.

    It holds the record, its path in the Merkle tree and the signed checkpoint,
    and nothing of any other record.
    """
    with usage_errors():
        proof = asyncio.run(_prove(load_settings(config), request_id, tenant))
        with output(out) as stream:
            stream.write(encode_canonical(proof) + b"\n")
            stream.flush()


def rotate_key_command(
    new_key: Annotated[
        Path | None,
        typer.Option(help="The successor (Ed25519, PEM), where the key file cannot be replaced."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Written into the audit record.")] = None,
    config: ConfigOption = None,
) -> None:
    """Replace the key that signs checkpoints; whoever has pinned the old one goes on verifying.

    The old key signs who its successor is, and is gone then. Running gateways
    that read the same file sign their next checkpoint with the new one.
    """
    with usage_errors():
        done = asyncio.run(_rotate(load_settings(config), new_key, reason))
    typer.echo(f"Key {done.old_key_id} has named {done.new_key_id} its successor.")
    if done.installed is None:
        typer.echo(
            f"Now put {new_key} in the place of audit.signing_key_file for every gateway. Until "
            "then they sign with the old key, which stays valid."
        )
    else:
        typer.echo(f"{done.installed} holds it. Copy it to replicas that have a file of their own.")


async def _prove(settings: Settings, request_id: str, tenant: str | None) -> dict[str, Any]:
    async with open_database(settings) as database, database.session() as session:
        return await prove(session, request_id, tenant)


async def _rotate(settings: Settings, new_key: Path | None, reason: str | None) -> Rotation:
    async with open_database(settings) as database:
        return await rotate_key(
            database,
            SystemClock(),
            settings.audit.signing_key_file,
            settings.data_dir,
            new_file=new_key,
            reason=of_command(reason, required=settings.audit.require_reason),
        )
