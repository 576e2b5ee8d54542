"""Fixtures of the whole suite: real databases, a real Valkey, and what hardware is missing.

``SOVGATE_TEST_POSTGRES_URL`` (``postgresql+asyncpg://user@host:port``, may create
databases) and ``SOVGATE_TEST_REDIS_URL`` (its database is emptied) name servers to
use in place of those from the wheels.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import redis
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from hypothesis import HealthCheck, settings

from core.database import Database
from support import postgres, valkey
from support.databases import copied, migrate, migrated_file
from support.demo_model import shared_demo_model
from support.hardware import split_by_hardware
from support.order import longest_first

# The same examples in every run, and as much time for each as a busy machine takes.
settings.register_profile(
    "suite",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")

_WAITING = pytest.StashKey[dict[str, int]]()  # tests that need hardware which is not here


def pytest_configure(config: pytest.Config) -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    # Every call of httpx that names no time-out would end after five seconds, which a machine that
    # runs other tests beside may well take.
    for bound in ("connect", "read", "write", "pool"):
        setattr(DEFAULT_TIMEOUT_CONFIG, bound, 60.0)
    # An authority whose key nobody has, in place of the public ones: no server here is signed by
    # them, and every new client of httpx spent 40 ms on reading them.
    os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "support" / "authority.pem")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "database" in getattr(item, "fixturenames", ()):
            item.add_marker("db")
        if "demo_model" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(400))  # whoever comes first has it made
    runnable, waiting = split_by_hardware(items)
    items[:] = longest_first(runnable)
    config.stash[_WAITING] = {hardware: len(tests) for hardware, tests in waiting.items()}
    config.hook.pytest_deselected(items=[item for group in waiting.values() for item in group])


def pytest_sessionfinish(session: pytest.Session) -> None:
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:  # a process of `-n`: the first one prints
        output["waiting"] = session.config.stash.get(_WAITING, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    # Each process has collected everything.
    if waiting := getattr(node, "workeroutput", {}).get("waiting"):
        node.config.stash[_WAITING] = waiting


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    waiting = config.stash.get(_WAITING, {})
    counts = [f"{count} need {hardware}" for hardware, count in waiting.items()]
    terminalreporter.write_line(
        f"hardware: {', '.join(counts)}; not run on this machine"
        if counts
        else "hardware: no collected test needs an accelerator that is missing here"
    )


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server's URL, without a database name."""
    given = os.environ.get("SOVGATE_TEST_POSTGRES_URL")
    if given:
        yield given.rstrip("/")
        return
    # Apart from pytest's folders, which every starting pytest closes to other accounts.
    with (
        tempfile.TemporaryDirectory(prefix="sovgate-postgres-") as directory,
        postgres.postgres_server(Path(directory)) as url,
    ):
        yield url


@pytest.fixture(scope="session")
def _postgresql_template(postgres_url: str) -> Iterator[str]:
    """URL of a migrated database that tests copy."""
    name = f"sovgate_template_{os.getpid()}"
    asyncio.run(_migrate_postgres(postgres_url, name))
    yield f"{postgres_url}/{name}"
    asyncio.run(postgres.execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def _sqlite_template() -> str:
    """URL of a migrated file that tests copy."""
    return f"sqlite+aiosqlite:///{migrated_file()}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a fresh database at the newest migration, once per kind."""
    with copied(request.getfixturevalue(f"_{request.param}_template"), tmp_path) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], AbstractContextManager[str]]:
    """The URL of one more fresh database for each example of a test, once per kind.

    Checks look at all that a database holds, so one for all examples would take longer with each.
    """
    template = request.getfixturevalue(f"_{request.param}_template")
    return lambda: copied(template, tmp_path_factory.mktemp("fresh"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh ``Database`` at the newest migration, on SQLite and on PostgreSQL."""
    database = Database(database_url)
    yield database
    await database.dispose()


@pytest.fixture(scope="session")
def demo_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The converted SmolLM2 checkpoint, made once per run."""
    return shared_demo_model(tmp_path_factory)


@pytest.fixture(scope="session")
def _valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    given = os.environ.get("SOVGATE_TEST_REDIS_URL")
    if given:
        yield given
        return
    with valkey.valkey_server(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def valkey_url(_valkey_server: str) -> str:
    """URL of a real, empty Valkey database."""
    with redis.Redis.from_url(_valkey_server) as client:
        client.flushdb()
    return _valkey_server


async def _migrate_postgres(server: str, name: str) -> None:
    await postgres.execute(server, f"CREATE DATABASE {name}")
    await migrate(f"{server}/{name}")
