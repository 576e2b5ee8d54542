"""Compiled automata and read rules kept between starts: making them takes seconds, reading
milliseconds.

A file each in the user's cache folder (``SOVGATE_CACHE_DIR``, else ``XDG_CACHE_HOME``, else
``~/.cache``), named by the digest of what it was made from. What cannot be read, was made for
another processor or belongs to somebody else is made anew; where nothing can be written nothing
is kept.
"""

import hashlib
import os
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

import hyperscan
import msgspec

_MODE = hyperscan.HS_MODE_BLOCK
_CHECKSUM = 32  # bytes
_T = TypeVar("_T")


def load_or_compile(group: Sequence[tuple[int, str]], flags: int) -> Any:
    """A Hyperscan database of numbered expressions, with scratch memory of its own."""
    path = _folder("automata") / f"{_digest(group, flags)}.hs"
    found = _read(path)
    if found is None:
        found = _compile(group, flags)
        _keep(path, hyperscan.dumpb(found))
    return found


def kept_or_made(
    kind: str,
    digest: str | None,
    form: type[_T],
    make: Callable[[], _T],
    codec: Any = msgspec.msgpack,
) -> _T:
    """What an earlier process made, or what ``make`` makes now.

    Args:
        digest: of what it is made from; ``None``: nobody can say, so that nothing is kept.
        codec: ``msgspec.json`` where integers are longer than 64 bits.
    """
    kept = load(kind, digest) if digest else None
    if kept:
        return codec.decode(kept, type=form)
    made = make()
    if digest:
        keep(kind, digest, codec.encode(made))
    return made


def digest_of(made_from: str, *sources: Path) -> str | None:
    """``None`` where the code lies nowhere as source, so that nobody can say what it is."""
    digest = hashlib.sha256(made_from.encode("utf-8", "surrogatepass"))
    try:
        for source in sources:
            digest.update(source.read_bytes())
    except OSError:
        return None
    return digest.hexdigest()


def load(kind: str, digest: str) -> bytes | None:
    """What ``keep`` was given, whole; ``None`` if it is not there or cannot be trusted."""
    try:
        data = _trusted(_folder(kind) / digest)
    except OSError:
        return None
    checksum, content = data[:_CHECKSUM], data[_CHECKSUM:]
    return content if checksum == hashlib.sha256(content).digest() else None


def keep(kind: str, digest: str, content: bytes) -> None:
    """Write it where it can be written."""
    _keep(_folder(kind) / digest, hashlib.sha256(content).digest() + content)


def _compile(group: Sequence[tuple[int, str]], flags: int) -> Any:
    made: Any = hyperscan.Database(mode=_MODE)
    made.compile(
        expressions=[expression.encode("latin-1") for _, expression in group],
        ids=[number for number, _ in group],
        elements=len(group),
        flags=[flags] * len(group),
    )
    return made


def _folder(kind: str) -> Path:
    base = os.environ.get("SOVGATE_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    # Not Path.expanduser: it raises where a user has no home.
    return Path(base or os.path.expanduser("~/.cache")) / "sovgate" / kind


def _digest(group: Sequence[tuple[int, str]], flags: int) -> str:
    made_from = repr((tuple(group), flags, _MODE, version("hyperscan"), platform.machine()))
    return hashlib.sha256(made_from.encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path) -> Any:
    try:
        loaded: Any = hyperscan.loadb(_trusted(path), _MODE)
        loaded.scratch = hyperscan.Scratch(loaded)
    except (OSError, RuntimeError, hyperscan.HyperscanError):
        return None
    return loaded


def _trusted(path: Path) -> bytes:
    """Raises: OSError, also where others may have written: they could blind the guard."""
    status = path.stat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError(f"{path} is not this user's alone")
    return path.read_bytes()


def _keep(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(data)
        os.replace(file.name, path)
    except OSError:
        pass
