"""``sovgate audit rotate-key``: a new signing key, and the old one's word for it.

The statement is committed before the file changes, and the new key lies beside
the old one until then, so that a crash in between loses nothing: run it again.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from core.clock import Clock
from core.database import Database
from gateway.audit.admin import append_admin
from gateway.audit.errors import SigningKeyUnusable
from gateway.audit.keys import PUBLIC_KEY_FILE, SigningKey, create_key, key_path
from gateway.audit.models import AuditSuccession
from gateway.audit.succession import Succession


@dataclass(frozen=True, slots=True)
class Rotation:
    """``installed``: the file that holds the new key now; None if that is left to the caller."""

    old_key_id: str
    new_key_id: str
    installed: Path | None


async def rotate_key(
    database: Database,
    clock: Clock,
    configured: Path | None,
    data_dir: Path,
    *,
    new_file: Path | None = None,
    reason: str | None = None,
) -> Rotation:
    """Let the present key name its successor, record that, and put the successor in its place.

    Args:
        configured: ``audit.signing_key_file``.
        new_file: the successor, where the present key's file cannot be replaced
            from here (a mounted secret): it is named, not installed.

    Raises:
        SigningKeyUnusable: a key cannot be read or written, or the present one has
            named another successor before.
    """
    path = key_path(configured, data_dir)
    old = SigningKey.load(path)
    pending = path.with_name(f"{path.name}.next")
    new = SigningKey.load(new_file) if new_file else _pending(pending, path)
    await _state(database, clock, old, new, reason)
    if new_file:
        return Rotation(old.key_id, new.key_id, None)
    os.replace(pending, path)
    new.write_public(data_dir / PUBLIC_KEY_FILE)
    return Rotation(old.key_id, new.key_id, path)


def _pending(pending: Path, path: Path) -> SigningKey:
    try:
        if not pending.exists():
            create_key(pending)
    except OSError as error:
        raise SigningKeyUnusable(
            f"No new key can be written beside {path} ({error.strerror}). Make one with `openssl "
            "genpkey -algorithm ed25519 -out NEW`, pass --new-key NEW, then put it in the place "
            "of the old one."
        ) from error
    return SigningKey.load(pending)


async def _state(
    database: Database, clock: Clock, old: SigningKey, new: SigningKey, reason: str | None
) -> None:
    if old.public_key == new.public_key:
        raise SigningKeyUnusable("The new key is the present one: a rotation needs another.")
    async with database.transaction() as session:
        known = await session.get(AuditSuccession, old.public_key)
        if known is not None and known.successor != new.public_key:
            raise SigningKeyUnusable(
                f"Key {old.key_id} has already named another successor: put that key in its "
                "place, and rotate that."
            )
        if known is not None:
            return  # stated before a crash; the file is still to be replaced
        now = clock.now()
        signed = Succession.sign(old, new, now)
        session.add(
            AuditSuccession(
                public_key=signed.public_key,
                successor=signed.successor,
                time=now,
                signature=signed.signature,
                successor_signature=signed.successor_signature,
            )
        )
        await append_admin(
            session,
            tenant=None,
            actor="cli",
            method="cli",
            action="audit.rotate_key",
            target=new.key_id,
            before={"key_id": old.key_id},
            after={"key_id": new.key_id},
            reason=reason,
            clock=clock,
        )
