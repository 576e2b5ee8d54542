"""Compiled automata kept between starts: compiling takes seconds, reading milliseconds.

A file per automaton in the user's cache folder (``SOVGATE_CACHE_DIR``, else ``XDG_CACHE_HOME``,
else ``~/.cache``), named by the digest of what it was compiled from. What cannot be read, was
made for another processor or belongs to somebody else is compiled anew; where nothing can be
written nothing is kept.
"""

import hashlib
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import hyperscan

_MODE = hyperscan.HS_MODE_BLOCK


def load_or_compile(group: Sequence[tuple[int, str]], flags: int) -> Any:
    """A Hyperscan database of numbered expressions, with scratch memory of its own."""
    path = _folder() / f"{_digest(group, flags)}.hs"
    return _read(path) or _keep(path, _compile(group, flags))


def _compile(group: Sequence[tuple[int, str]], flags: int) -> Any:
    made: Any = hyperscan.Database(mode=_MODE)
    made.compile(
        expressions=[expression.encode("latin-1") for _, expression in group],
        ids=[number for number, _ in group],
        elements=len(group),
        flags=[flags] * len(group),
    )
    return made


def _folder() -> Path:
    base = os.environ.get("SOVGATE_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    # Not Path.expanduser: it raises where a user has no home.
    return Path(base or os.path.expanduser("~/.cache")) / "sovgate" / "automata"


def _digest(group: Sequence[tuple[int, str]], flags: int) -> str:
    made_from = repr((tuple(group), flags, _MODE, version("hyperscan"), platform.machine()))
    return hashlib.sha256(made_from.encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path) -> Any:
    try:
        status = path.stat()
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            return None  # whoever can write an automaton can blind the guard
        loaded: Any = hyperscan.loadb(path.read_bytes(), _MODE)
        loaded.scratch = hyperscan.Scratch(loaded)
    except (OSError, RuntimeError, hyperscan.HyperscanError):
        return None
    return loaded


def _keep(path: Path, made: Any) -> Any:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(hyperscan.dumpb(made))
        os.replace(file.name, path)
    except OSError:
        pass
    return made
