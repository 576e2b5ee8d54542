"""The helpers that start servers for tests wait, report, and always stop what they started."""

import os
import sys
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from core.database import Database
from support.hardware import split_by_hardware
from support.processes import NotReady, accepts, answers, free_port, running

_HTTP = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_server_answers_within_and_is_gone_after(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with running([*_HTTP, str(port)], ready=answers(url), log=tmp_path / "log") as server:
        assert accepts(port)()
        pid = server.pid
    assert not _alive(pid)
    assert not answers(url)()


def test_server_is_stopped_when_the_block_fails(tmp_path: Path) -> None:
    port = free_port()
    pids: list[int] = []

    def fail() -> None:
        with running([*_HTTP, str(port)], ready=accepts(port), log=tmp_path / "log") as server:
            pids.append(server.pid)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert not _alive(pids[0])


def test_early_exit_shows_the_output(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "import sys; print('no such port'); sys.exit(3)"]
    with (
        pytest.raises(NotReady, match=r"exited with 3(.|\n)*no such port"),
        running(program, ready=lambda: False, log=tmp_path / "log"),
    ):
        pass


def test_server_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    ignore = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    program = f"{ignore}; time.sleep(60)"
    log = tmp_path / "log"
    with running(
        [sys.executable, "-c", program], ready=lambda: log.stat().st_size > 0, log=log, timeout=5
    ) as server:
        pid = server.pid
    assert not _alive(pid)


async def test_databases_of_two_tests_are_apart(database: Database) -> None:
    """Runs once per database; the second run would fail on the first one's table."""
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE only_here (id INTEGER)"))


async def test_database_is_fresh(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE only_here (id INTEGER)"))


def test_valkey_is_real_and_empty(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url, decode_responses=True) as client:
        assert client.dbsize() == 0
        client.set("left", "over")
        assert client.get("left") == "over"


def test_valkey_is_emptied_between_tests(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        assert client.dbsize() == 0


@pytest.mark.parametrize(
    ("devices", "runs", "waits"),
    [
        ([], ["plain"], {"an NVIDIA GPU": 1, "an Ascend NPU": 1}),
        (["nvidia0"], ["plain", "gpu"], {"an Ascend NPU": 1}),
        (["nvidiactl"], ["plain"], {"an NVIDIA GPU": 1, "an Ascend NPU": 1}),
        (["davinci0", "nvidia1"], ["plain", "gpu", "npu"], {}),
    ],
)
def test_tests_without_their_hardware_wait(
    pytester_items: list[pytest.Item],
    tmp_path: Path,
    devices: list[str],
    runs: list[str],
    waits: dict[str, int],
) -> None:
    for device in devices:
        (tmp_path / device).touch()
    runnable, waiting = split_by_hardware(pytester_items, tmp_path)
    assert [item.name for item in runnable] == runs
    assert {hardware: len(items) for hardware, items in waiting.items()} == waits


@pytest.fixture
def pytester_items(request: pytest.FixtureRequest) -> list[pytest.Item]:
    items: list[pytest.Item] = []
    for name in ("plain", "gpu", "npu"):
        item = pytest.Function.from_parent(request.node.parent, name=name, callobj=lambda: None)
        if name != "plain":
            item.add_marker(name)
        items.append(item)
    return items
