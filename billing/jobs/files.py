"""Files of jobs: where they lie, and that they appear whole or not at all."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from billing.errors import InvalidReport

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def export_path(exports_dir: Path, tenant: str, name: str) -> Path:
    """Where a tenant's file lies; names that would leave the tenant's folder are refused."""
    if not _PLAIN.fullmatch(tenant) or not _PLAIN.fullmatch(name):
        raise InvalidReport("The name of an export's tenant or file is not a plain name.")
    return exports_dir / tenant / name


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A temporary path beside ``target`` that becomes it, durably, if the block succeeds."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # A job that was given up and begun again elsewhere may still be writing its own.
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(target)
        _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
