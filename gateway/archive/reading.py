"""Opening stored bodies: for those who may, who leave a record of it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.archive.errors import BodyGone, BodyNotFound
from gateway.archive.models import AuditBody
from gateway.archive.repository import ArchiveRepository
from gateway.archive.sealer import open_body
from gateway.audit import query
from gateway.vault.errors import VaultKeyUnusable
from gateway.vault.keys import unwrap_data_key
from gateway.vault.wrapping import KeyWrapper, current_keys


@dataclass(frozen=True, slots=True)
class OpenedBody:
    """One part of a request's body.

    Args:
        content: what was sealed; None where ``state`` is not ``stored``.
        state: ``stored``, ``expired``, ``erased`` or ``lost``.
        intact: whether the audit record holds the digest of the sealed bytes.
    """

    part: str
    state: str
    content: Any | None
    intact: bool
    cut: bool
    created_at: datetime
    expires_at: datetime
    removed_at: datetime | None


async def read_bodies(
    session: AsyncSession, wrapper: KeyWrapper, tenant: str, request_id: str
) -> list[OpenedBody]:
    """The prompt and the answer of a request.

    Raises:
        BodyNotFound: nothing was stored.
        BodyGone: nothing of it opens any more.
    """
    archive = ArchiveRepository(session, tenant)
    rows = await archive.bodies_of(request_id)
    if not rows:
        raise BodyNotFound("No body is stored for this request.", param="request_id")
    said = await _said(session, tenant, request_id)
    try:
        keys = await current_keys(session, wrapper, tenant)
    except VaultKeyUnusable:
        keys = None
    opened = []
    for row in rows:
        key = await archive.key(row.key_id)
        content = None
        if keys is not None and key is not None and row.sealed is not None:
            try:
                plain = unwrap_data_key(keys, key.id, key.wrapped)
                content = open_body(plain, row.sealed, tenant, request_id, row.part, key.id)
            except InvalidTag:
                content = None
        opened.append(_opened(row, content, said.get(row.part, {})))
    if not any(body.state == "stored" for body in opened):
        states = ", ".join(sorted({body.state for body in opened}))
        raise BodyGone(f"The body of this request is gone ({states}).", param="request_id")
    return opened


def removed_as(removed_by: str | None) -> str:
    """What a body's removal is called; ``removed_by`` as its row has it."""
    return {None: "stored", "retention": "expired", "lost": "lost"}.get(removed_by, "erased")


async def _said(session: AsyncSession, tenant: str, request_id: str) -> dict[str, dict[str, Any]]:
    """What the audit record says of each part."""
    record = await query.find(session, tenant, request_id)
    if record is None:
        return {}
    return {body["part"]: body for body in json.loads(record.body).get("bodies", [])}


def _opened(row: AuditBody, content: bytes | None, said: dict[str, Any]) -> OpenedBody:
    state = removed_as(row.removed_by)
    if state == "stored" and content is None:
        state = "lost"
    sealed = row.sealed or b""
    return OpenedBody(
        part=row.part,
        state=state,
        content=None if content is None else json.loads(content),
        intact=said.get("digest") == hashlib.sha256(sealed).hexdigest(),
        cut=bool(said.get("cut")),
        created_at=row.created_at,
        expires_at=row.expires_at,
        removed_at=row.removed_at,
    )
