"""Proof that one record is in a signed chain, without the others.

A proof holds the record, its path in the Merkle tree, the signed checkpoint that
names the tree's root, and the successions of keys. Making one reads about a
thousand hashes and one in a thousand of the rest, however long the chain is.
"""

from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.encoding import decode
from gateway.audit.errors import InvalidRecord, NoProof
from gateway.audit.merkle import TILE, Frontier, inclusion_path, root_from_path
from gateway.audit.models import AuditCheckpoint, AuditRecord, AuditTile
from gateway.audit.pruning import newest_pruning
from gateway.audit.rows import read_row
from gateway.audit.signing import read_checkpoint, read_successions
from gateway.audit.succession import Succession

TYPE = "sovgate.audit.proof.v1"
MEMBERS = frozenset({"type", "record", "path", "checkpoint", "successions"})
MAX_BYTES = 1 << 20  # of a file that may be a proof


async def prove(
    session: AsyncSession, request_id: str, tenant: str | None = None
) -> dict[str, Any]:
    """The proof of a record, ready for ``encode_canonical``.

    Args:
        tenant: needed only where several tenants have a record of this id.

    Raises:
        NoProof: there is no such record, or no checkpoint signs it yet, or the
            stored tree is damaged.
    """
    stored = await _find(session, request_id, tenant)
    checkpoint = await _covering(session, stored.tenant, stored.seq)
    path = await inclusion(session, stored.tenant, stored.seq, checkpoint.count)
    record_hash = bytes.fromhex(stored.hash)
    root = root_from_path(record_hash, stored.seq - 1, checkpoint.count, path)
    record = read_row(stored)
    if not record.exact or root is None or root.hex() != checkpoint.root:
        raise NoProof(
            f"Record {request_id} does not lead to the signed root: run `sovgate audit verify`."
        )
    return {
        "type": TYPE,
        "record": record.members,
        "path": [node.hex() for node in path],
        "checkpoint": checkpoint.to_dict(),
        "successions": [item.to_dict() for item in await read_successions(session)],
    }


async def inclusion(session: AsyncSession, tenant: str, seq: int, count: int) -> list[bytes]:
    """The path of record ``seq`` in the tree over records 1 to ``count``.

    Raises:
        NoProof: a part of the tree is missing.
    """
    parts: list[tuple[int, int]] = []

    def note(first: int, size: int) -> bytes:
        parts.append((first, size))
        return b""

    inclusion_path(seq - 1, count, note)
    return [await subtree(session, tenant, *part) for part in reversed(parts)]


def read_proof(path: Path) -> dict[str, Any] | None:
    """The proof in a file; None if it holds something else, such as an export."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if not content.startswith(b"{") or len(content) > MAX_BYTES:
        return None
    try:
        members = decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return members if isinstance(members, dict) and members.get("type") == TYPE else None


def read_members(
    proof: dict[str, Any],
) -> tuple[Checkpoint, list[bytes], list[Succession]]:
    """Checkpoint, path and successions of a proof.

    Raises:
        InvalidRecord: it has other members or types.
    """
    path, successions = proof.get("path"), proof.get("successions")
    if set(proof) != MEMBERS or not isinstance(path, list) or not isinstance(successions, list):
        raise InvalidRecord("A proof has a member too many, too few, or of another type.")
    try:
        nodes = [bytes.fromhex(node) for node in path]
    except (TypeError, ValueError):
        raise InvalidRecord("The path of a proof is not made of hex digits.") from None
    if [node.hex() for node in nodes] != path or any(len(node) != 32 for node in nodes):
        raise InvalidRecord("The path of a proof is not made of hashes.")
    return (
        Checkpoint.from_dict(proof["checkpoint"]),
        nodes,
        [Succession.from_dict(item) for item in successions],
    )


async def _find(session: AsyncSession, request_id: str, tenant: str | None) -> Any:
    query = select(*AuditRecord.__table__.columns).where(AuditRecord.request_id == request_id)
    if tenant is not None:
        query = query.where(AuditRecord.tenant == tenant)
    rows = (await session.execute(query.limit(2))).all()
    if not rows:
        raise NoProof(f"There is no record {request_id} in the chain.")
    if len(rows) > 1:
        raise NoProof(f"Several tenants have a record {request_id}: name one with --tenant.")
    return rows[0]


async def _covering(session: AsyncSession, tenant: str, seq: int) -> Checkpoint:
    query = select(AuditCheckpoint).where(
        AuditCheckpoint.tenant == tenant,
        AuditCheckpoint.seq >= seq,
        AuditCheckpoint.root.is_not(None),
    )
    stored = await session.scalar(query.order_by(AuditCheckpoint.seq).limit(1))
    if stored is None:
        raise NoProof(
            f"No checkpoint signs record {seq} of {tenant} yet: wait for the next one, which a "
            "running gateway makes every audit.checkpoint_interval_s."
        )
    return read_checkpoint(stored)


async def subtree(session: AsyncSession, tenant: str, first: int, size: int) -> bytes:
    """The root of leaves ``first`` to ``first + size - 1``, from tiles where they are whole."""
    frontier, end = Frontier(), first + size
    if size >= TILE:
        tiles = select(AuditTile.hash).where(
            AuditTile.tenant == tenant,
            AuditTile.number >= first // TILE,
            AuditTile.number < end // TILE,
        )
        for root in await session.scalars(tiles.order_by(AuditTile.number)):
            frontier.append_tile(bytes.fromhex(root))
    pruned = await newest_pruning(session, tenant)
    if pruned is not None and pruned.holds():
        frontier = pruned.beneath(frontier, first, end)
    hashes = select(AuditRecord.hash).where(
        AuditRecord.tenant == tenant,
        AuditRecord.seq > first + frontier.count,
        AuditRecord.seq <= end,
    )
    if end - first - frontier.count < TILE:
        for record_hash in await session.scalars(hashes.order_by(AuditRecord.seq)):
            frontier.append(bytes.fromhex(record_hash))
    if frontier.count != size:
        raise NoProof(
            f"Records {first + 1} to {end} of {tenant} are not all there any more, so the tree "
            "cannot be built: run `sovgate audit verify`."
        )
    return frontier.root()
