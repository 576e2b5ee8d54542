"""Checkpoints in the database: signed on from the one before, and read back.

A checkpoint needs only the hashes of the records since the last one, since that
carries the frontier of its Merkle tree.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import isoformat
from gateway.audit.checkpoint import GENESIS, Checkpoint
from gateway.audit.keys import SigningKey
from gateway.audit.merkle import Frontier
from gateway.audit.models import (
    AuditCheckpoint,
    AuditHead,
    AuditRecord,
    AuditSuccession,
    AuditTile,
)
from gateway.audit.succession import Succession

MAX_RECORDS = 65_536  # signed at a time, since the tenant's chain is locked meanwhile
_PAGE = 1000
_PAUSE = 250  # hashes taken in before others get the event loop
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Tip:
    """Up to where a tenant's tree has come, and the hash of the record there."""

    frontier: Frontier
    hash: str = GENESIS


async def sign_next(
    session: AsyncSession, head: AuditHead, key: SigningKey, now: datetime
) -> Checkpoint | None:
    """Sign what follows the newest checkpoint, ``MAX_RECORDS`` at most; the head is locked.

    Records that are missing or do not follow each other are never signed: that
    goes to the log, and ``audit verify`` says more.
    """
    tip = await _tip(session, head.tenant)
    previous_seq = tip.frontier.count if tip is not None else 0
    if tip is None or not await _extend(session, head, tip):
        _log.error("audit.unsigned_damage", tenant=head.tenant)
        return None
    signed = Checkpoint.sign(
        key,
        tenant=head.tenant,
        first_seq=1,
        last_seq=tip.frontier.count,
        first_prev_hash=GENESIS,
        last_hash=tip.hash,
        root=tip.frontier.root().hex(),
        time=now,
        previous_seq=previous_seq,
    )
    await session.merge(_stored(signed, tip.frontier, now))  # over one of version 1, if any
    await _store_tiles(session, head.tenant, tip.frontier)
    head.checkpoint_seq = signed.last_seq
    await session.flush()
    return signed


def read_checkpoint(stored: AuditCheckpoint) -> Checkpoint:
    """The signed statement in a row."""
    return Checkpoint(
        tenant=stored.tenant,
        first_seq=1,
        last_seq=stored.seq,
        count=stored.count,
        first_prev_hash=GENESIS,
        last_hash=stored.hash,
        time=isoformat(stored.time),
        key_id=stored.key_id,
        public_key=stored.public_key,
        signature=stored.signature,
        root=stored.root,
        previous_seq=stored.previous_seq,
    )


def read_frontier(stored: AuditCheckpoint) -> Frontier | None:
    """The tree that a checkpoint has signed; None if its row does not lead to the signed root."""
    peaks = stored.peaks or b""
    try:
        frontier = Frontier(stored.seq, [peaks[at : at + 32] for at in range(0, len(peaks), 32)])
    except ValueError:
        return None
    return frontier if frontier.root().hex() == stored.root else None


async def read_successions(session: AsyncSession) -> list[Succession]:
    """All changes of the signing key, the oldest first."""
    rows = await session.scalars(select(AuditSuccession).order_by(AuditSuccession.time))
    return [
        Succession(
            row.public_key,
            row.successor,
            isoformat(row.time),
            row.signature,
            row.successor_signature,
        )
        for row in rows
    ]


async def _tip(session: AsyncSession, tenant: str) -> _Tip | None:
    """Where the newest checkpoint with a tree ends; None if that is damaged."""
    query = select(AuditCheckpoint).where(
        AuditCheckpoint.tenant == tenant, AuditCheckpoint.root.is_not(None)
    )
    newest = await session.scalar(query.order_by(AuditCheckpoint.seq.desc()).limit(1))
    if newest is None:
        return _Tip(Frontier())
    frontier = read_frontier(newest)
    if frontier is None or not read_checkpoint(newest).holds():
        return None
    return _Tip(frontier, newest.hash)


async def _extend(session: AsyncSession, head: AuditHead, tip: _Tip) -> bool:
    """Take in the records behind the tip; False if they do not lead to the head."""
    end = min(head.seq, tip.frontier.count + MAX_RECORDS)
    while tip.frontier.count < end:
        low = tip.frontier.count + 1
        query = (
            select(AuditRecord.seq, AuditRecord.prev_hash, AuditRecord.hash)
            .where(AuditRecord.tenant == head.tenant)
            .where(AuditRecord.seq.between(low, min(low + _PAGE - 1, end)))
            .order_by(AuditRecord.seq)
        )
        page = (await session.execute(query)).all()
        if not page or not await _take(page, tip):
            return False
    return tip.frontier.count < head.seq or tip.hash == head.hash


async def _take(page: Sequence[Any], tip: _Tip) -> bool:
    for number, (seq, prev_hash, current) in enumerate(page):
        if seq != tip.frontier.count + 1 or prev_hash != tip.hash:
            return False
        tip.frontier.append(bytes.fromhex(current))
        tip.hash = current
        if number % _PAUSE == 0:
            await asyncio.sleep(0)  # requests share this event loop
    return True


def _stored(signed: Checkpoint, frontier: Frontier, now: datetime) -> AuditCheckpoint:
    return AuditCheckpoint(
        tenant=signed.tenant,
        seq=signed.last_seq,
        count=signed.count,
        hash=signed.last_hash,
        time=now,
        key_id=signed.key_id,
        public_key=signed.public_key,
        signature=signed.signature,
        root=signed.root,
        previous_seq=signed.previous_seq,
        peaks=b"".join(frontier.peaks),
    )


async def _store_tiles(session: AsyncSession, tenant: str, frontier: Frontier) -> None:
    if frontier.tiles:
        known = select(AuditTile.number).where(
            AuditTile.tenant == tenant, AuditTile.number >= frontier.tiles[0][0]
        )
        stored = set(await session.scalars(known))
        rows = [
            {"tenant": tenant, "number": number, "hash": root.hex()}
            for number, root in frontier.tiles
            if number not in stored
        ]
        if rows:
            await session.execute(insert(AuditTile), rows)
