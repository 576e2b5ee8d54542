"""``sovgate audit checkpoints``, ``audit anchors`` and ``audit witness``."""

import asyncio
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import typer
from sqlalchemy import select

from core.clock import SystemClock
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.cli_support import (
    FAILED,
    ConfigOption,
    open_database,
    output,
    usage_errors,
)
from gateway.audit.encoding import decode, encode_canonical
from gateway.audit.errors import AnchorFailed, InvalidRecord
from gateway.audit.keys import SigningKey, load_public_key
from gateway.audit.models import AuditAnchor, AuditCheckpoint
from gateway.audit.signing import read_checkpoint
from gateway.audit.witness import Witness
from gateway.settings import Settings, load_settings

OutOption = Annotated[Path | None, typer.Option(help="File; standard output if not given.")]
OneTenantOption = Annotated[str | None, typer.Option(help="All if not given.")]
MAX_BODY = 1 << 16


def checkpoints_command(
    tenant: OneTenantOption = None, out: OutOption = None, config: ConfigOption = None
) -> None:
    """Write the signed checkpoints, a line each, to give to a witness."""
    with usage_errors(), output(out) as stream:
        asyncio.run(_write_checkpoints(load_settings(config), tenant, stream))


def anchors_command(
    tenant: OneTenantOption = None, out: OutOption = None, config: ConfigOption = None
) -> None:
    """Write what the anchors have given as evidence, a line each, for `audit verify --anchors`.

    An auditor should fetch it regularly, and keep it where the operator cannot write.
    """
    with usage_errors(), output(out) as stream:
        asyncio.run(_write_anchors(load_settings(config), tenant, stream))


def witness_command(
    key: Annotated[Path, typer.Option(help="The witness's private key (Ed25519, PEM, 0600).")],
    file: Annotated[
        Path | None, typer.Argument(help="Checkpoints, a line each: `audit checkpoints`.")
    ] = None,
    memory: Annotated[
        Path, typer.Option(help="File that the counter-signed lines are appended to: keep it.")
    ] = Path("witness.jsonl"),
    name: Annotated[str, typer.Option(help="The witness's name in its lines.")] = "witness",
    operator_key: Annotated[
        list[Path] | None, typer.Option(help="The operator's public key; repeatable.")
    ] = None,
    listen: Annotated[
        str | None, typer.Option(help="HOST:PORT to serve gateways at, instead of a file.")
    ] = None,
) -> None:
    """Counter-sign another party's checkpoints. It needs no access to that party's service.

    Refuses (status 1) what contradicts what it has signed before: a chain that
    became shorter, or another one of the same length.
    """
    with usage_errors():
        operators = frozenset(load_public_key(path) for path in operator_key or ())
        witness = Witness(name, SigningKey.load(key), memory, SystemClock(), operators)
        if listen is not None:
            _serve(witness, listen)
            return
        if file is None:
            raise typer.BadParameter("give a FILE of checkpoints, or --listen")
        refused = _countersign(witness, file)
    if refused:
        raise typer.Exit(FAILED)


def read_line(line: bytes) -> Checkpoint:
    """A checkpoint, as it is or in a line of evidence.

    Raises:
        InvalidRecord
    """
    try:
        members: Any = decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRecord("A checkpoint is a JSON object.") from None
    if isinstance(members, dict) and "checkpoint" in members:
        members = members["checkpoint"]
    return Checkpoint.from_dict(members)


def _countersign(witness: Witness, file: Path) -> int:
    signed = refused = 0
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        try:
            witness.countersign(read_line(line))
            signed += 1
        except (AnchorFailed, InvalidRecord) as error:
            refused += 1
            typer.echo(f"Line {number}: refused. {error.message}", err=True)
    typer.echo(f"{signed} counter-signed, {refused} refused.", err=True)
    return refused


def _serve(witness: Witness, listen: str) -> None:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            try:
                if not 0 < length <= MAX_BODY:
                    raise InvalidRecord("A checkpoint is a small JSON object.")
                status, body = 200, witness.countersign(read_line(self.rfile.read(length)))
            except AnchorFailed as error:
                status, body = 409, error.message.encode()
            except InvalidRecord as error:
                status, body = 400, error.message.encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    host, _, port = listen.rpartition(":")
    if not port.isdigit():
        raise typer.BadParameter("--listen takes HOST:PORT")
    with HTTPServer((host or "127.0.0.1", int(port)), Handler) as server:
        typer.echo(f"Listening on {server.server_address[0]}:{server.server_port}.", err=True)
        server.serve_forever()


async def _write_checkpoints(settings: Settings, tenant: str | None, stream: BinaryIO) -> None:
    query = select(AuditCheckpoint).where(AuditCheckpoint.root.is_not(None))
    if tenant is not None:
        query = query.where(AuditCheckpoint.tenant == tenant)
    query = query.order_by(AuditCheckpoint.tenant, AuditCheckpoint.seq)
    async with open_database(settings) as database, database.session() as session:
        async for stored in await session.stream_scalars(query):
            stream.write(encode_canonical(read_checkpoint(stored).to_dict()) + b"\n")
    stream.flush()


async def _write_anchors(settings: Settings, tenant: str | None, stream: BinaryIO) -> None:
    query = select(AuditAnchor.evidence)
    if tenant is not None:
        query = query.where(AuditAnchor.tenant == tenant)
    query = query.order_by(AuditAnchor.tenant, AuditAnchor.seq, AuditAnchor.anchor)
    async with open_database(settings) as database, database.session() as session:
        async for line in await session.stream_scalars(query):
            stream.write(line.encode())
    stream.flush()
