"""Export of the records that a filter leaves, each with its proof.

Such records are no unbroken run, so their hashes alone would prove nothing. Each carries
its path in the Merkle tree of the newest checkpoint; the first one carries that
checkpoint, which is stored and signed already. It proves that each record is in the
chain, not that none was left out.
"""

from dataclasses import dataclass
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.errors import NoProof
from gateway.audit.filters import RecordFilter
from gateway.audit.formats import Format, open_writer
from gateway.audit.merkle import TILE, Tree, node_hash, root_from_path
from gateway.audit.models import AuditCheckpoint, AuditRecord, AuditTile
from gateway.audit.proofs import inclusion, subtree
from gateway.audit.query import oldest_first
from gateway.audit.rows import read_row
from gateway.audit.signing import read_checkpoint, read_successions


@dataclass(frozen=True, slots=True)
class SelectionResult:
    """What was written: of the records up to ``covered``, those that the filter leaves."""

    tenant: str
    records: int
    covered: int


async def export_selection(
    session: AsyncSession, tenant: str, wanted: RecordFilter, format: Format, out: BinaryIO
) -> SelectionResult:
    """Write the records that a filter leaves, up to the newest checkpoint.

    Members beside those of a record: ``path`` (hex digits, from the leaf up), and on the
    first one ``checkpoint``, ``successions`` and ``selection``, the filter.

    Raises:
        NoProof: nothing is signed yet, or a record does not lead to the signed root.
    """
    checkpoint = await _newest_checkpoint(session, tenant)
    tree = ChainTree(session, tenant, checkpoint.count)
    await tree.open()
    head = {
        "checkpoint": checkpoint.to_dict(),
        "successions": [each.to_dict() for each in await read_successions(session)],
        "selection": wanted.to_params(),
    }
    writer, count = open_writer(format, out), 0
    async for stored in oldest_first(session, tenant, wanted):
        if stored.seq > checkpoint.count:
            break
        members = await _proven(stored, tree, checkpoint)
        writer.write(members if count else members | head)
        count += 1
    writer.close()
    return SelectionResult(tenant, count, checkpoint.count)


class ChainTree:
    """The tree over the first ``count`` records, with one tile of its leaves in memory."""

    def __init__(self, session: AsyncSession, tenant: str, count: int) -> None:
        self._session = session
        self._tenant = tenant
        self._count = count
        self._levels: list[list[bytes]] = []  # from the roots of the tiles up
        self._tile: tuple[int, Tree] | None = None

    async def open(self) -> None:
        """Read the roots of all tiles. Raises: NoProof: some are missing."""
        whole = self._count // TILE
        query = select(AuditTile.hash).where(
            AuditTile.tenant == self._tenant, AuditTile.number < whole
        )
        stored = await self._session.scalars(query.order_by(AuditTile.number))
        roots = [bytes.fromhex(root) for root in stored]
        if len(roots) != whole:
            raise NoProof(_DAMAGED.format(what="The tree of the chain has holes"))
        if rest := self._count % TILE:
            roots.append(await subtree(self._session, self._tenant, whole * TILE, rest))
        self._levels = [roots]
        while len(below := self._levels[-1]) > 1:
            pairs = range(0, len(below) - 1, 2)
            above = [node_hash(below[at], below[at + 1]) for at in pairs]
            self._levels.append(above + below[len(above) * 2 :])

    async def path(self, seq: int) -> list[bytes]:
        """Of record ``seq``, from the leaf's sibling up to the root's child.

        Raises:
            NoProof: records beside it are missing, and no statement says that they were removed.
        """
        number, leaf = divmod(seq - 1, TILE)
        if self._tile is None or self._tile[0] != number:
            self._tile = number, Tree(await self._hashes(number))
        if self._tile[1].count != min(TILE, self._count - number * TILE):
            # Retention has removed a part of the tile: slower, record by record.
            return await inclusion(self._session, self._tenant, seq, self._count)
        path = self._tile[1].path(leaf)
        for level in self._levels[:-1]:
            if (number ^ 1) < len(level):
                path.append(level[number ^ 1])
            number >>= 1
        return path

    async def _hashes(self, number: int) -> list[bytes]:
        """Of the records of a tile."""
        first, last = number * TILE + 1, min((number + 1) * TILE, self._count)
        query = select(AuditRecord.hash).where(
            AuditRecord.tenant == self._tenant, AuditRecord.seq.between(first, last)
        )
        stored = await self._session.scalars(query.order_by(AuditRecord.seq))
        return [bytes.fromhex(each) for each in stored]


_DAMAGED = "{what}, so no proof can be made: run `sovgate audit verify`."


async def _proven(stored: Any, tree: ChainTree, checkpoint: Checkpoint) -> dict[str, Any]:
    record = read_row(stored)
    path = await tree.path(stored.seq)
    place = (stored.seq - checkpoint.first_seq, checkpoint.count)
    root = root_from_path(bytes.fromhex(stored.hash), *place, path)
    if not record.exact or record.members is None or root is None or root.hex() != checkpoint.root:
        what = f"Record {stored.seq} does not lead to the signed root"
        raise NoProof(_DAMAGED.format(what=what))
    return record.members | {"path": [node.hex() for node in path]}


async def _newest_checkpoint(session: AsyncSession, tenant: str) -> Checkpoint:
    query = select(AuditCheckpoint).where(
        AuditCheckpoint.tenant == tenant, AuditCheckpoint.root.is_not(None)
    )
    stored = await session.scalar(query.order_by(AuditCheckpoint.seq.desc()).limit(1))
    if stored is None:
        raise NoProof(
            f"No checkpoint signs the records of {tenant} yet: wait for the next one, which a "
            "running gateway makes every audit.checkpoint_interval_s."
        )
    return read_checkpoint(stored)
