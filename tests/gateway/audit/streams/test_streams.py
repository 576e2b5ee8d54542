"""Streams against receivers that are processes: stopped, killed, started again."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.clock import ManualClock, SystemClock
from core.database import Database
from gateway.audit import AuditChain, Entry, append_admin
from gateway.audit.errors import DeliveryFailed
from gateway.audit.models import AuditRecord
from gateway.audit.streams import Streamer, StreamState, open_streams
from gateway.audit.streams.streamer import HOLD
from gateway.errors import SettingsError
from gateway.settings import AuditStreamSettings
from support.processes import ServerProcess, accepts, free_port, running

Until = Callable[[Callable[[], bool]], Awaitable[None]]


@dataclass
class Site:
    """A receiver's place: it can be there or not."""

    kind: str
    directory: Path
    certificate: list[Path] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    @property
    def file(self) -> Path:
        return self.directory / "received.jsonl"

    @property
    def settings(self) -> dict[str, Any]:
        scheme = "tls" if self.certificate else "tcp"
        if self.kind == "otlp":
            return {"url": f"http://127.0.0.1:{self.port}/v1/logs", "authorization_env": "TOKEN"}
        settings: dict[str, Any] = {"url": f"{scheme}://localhost:{self.port}"}
        if self.certificate:
            settings["ca_file"] = str(self.certificate[0])
        return settings

    @contextmanager
    def up(self) -> Iterator[ServerProcess]:
        command = [sys.executable, "-m", "support.log_receiver", self.kind, str(self.port)]
        with running(
            [*command, self.file, *self.certificate],
            ready=accepts(self.port),
            log=self.directory / "receiver.log",
            env={"PYTHONPATH": str(Path(__file__).parents[3])},
            stop_signal=signal.SIGKILL,
        ) as server:
            yield server

    def refuse(self, wanted: bool) -> None:
        """Whether the collector answers 503."""
        mark = Path(f"{self.file}.refuse")
        mark.touch() if wanted else mark.unlink()

    def received(self) -> list[dict[str, Any]]:
        """Whole lines; a killed process may leave the last one unfinished."""
        if not self.file.exists():
            return []
        lines = self.file.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    def bodies(self, tenant: str | None = None) -> list[dict[str, Any]]:
        found = [json.loads(each["text"]) for each in self.received()]
        return [body for body in found if tenant in (None, body["tenant"])]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of localhost, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    files = [folder / "certificate.pem", folder / "key.pem"]
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    name = "-subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = ["openssl", *request.split(), *name.split(), "-out", files[0], "-keyout", files[1]]
    subprocess.run(command, check=True, capture_output=True)
    return files


@pytest.fixture(params=["tcp", "tls", "otlp"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    if request.param == "otlp":
        return Site("otlp", tmp_path)
    with_tls = request.param == "tls"
    return Site("syslog", tmp_path, request.getfixturevalue("certificate") if with_tls else [])


def _stream(
    database: Database, settings: dict[str, Any], holder: str = "one", **more: Any
) -> Streamer:
    parsed = AuditStreamSettings.model_validate({"past": True, **settings})
    (stream,) = open_streams(
        {"siem": parsed},
        database,
        more.pop("clock", SystemClock()),
        holder=holder,
        environ={"TOKEN": "Bearer of tests"},
        **more,
    )
    return stream


async def _write(database: Database, tenant: str, numbers: range, **fields: Any) -> None:
    entries = [
        Entry(tenant, f"req_{number}", "request", {"outcome": "completed", **fields})
        for number in numbers
    ]
    async with database.transaction() as session:
        await AuditChain(SystemClock()).append(session, entries)


async def _all(stream: Streamer) -> None:
    while await stream.round():
        pass


async def test_records_arrive_whole_and_in_order(database: Database, site: Site) -> None:
    await _write(database, "acme", range(1200), zone="eu", model="\u6a21\u578b \U0001f600")
    await _write(database, "globex", range(3), outcome="blocked")
    async with database.transaction() as session:
        await append_admin(
            session, tenant=None, actor="cli", method="cli", action="key.create", target="key_1"
        )
    states: list[StreamState] = []
    stream = _stream(database, site.settings, observe=states.append)
    with site.up():
        await _all(stream)
    await stream.stop()
    async with database.session() as session:
        query = select(AuditRecord).order_by(AuditRecord.tenant, AuditRecord.seq)
        stored = list(await session.scalars(query))
    for tenant in ("_system", "acme", "globex"):
        expected = [
            json.loads(row.body) | {"prev_hash": row.prev_hash, "hash": row.hash}
            for row in stored
            if row.tenant == tenant
        ]
        assert site.bodies(tenant) == expected
    assert [states[0].lag, states[-1].lag, states[-1].delivered] == [1204, 0, 1204]
    _check_envelopes(site, stored)


def _check_envelopes(site: Site, stored: list[AuditRecord]) -> None:
    times = {row.hash: row.time for row in stored}
    for entry in site.received():
        body = json.loads(entry["text"])
        usual = body.get("outcome") != "blocked"
        if site.kind == "syslog":
            assert entry["priority"] == str(13 * 8 + (6 if usual else 4))
            assert entry["app"] == "sovgate"
            assert entry["kind"] == body["kind"]
            assert entry["time"] == body["time"]
            assert int(entry["sequence"]) == body["seq"]
        else:
            assert entry["severity"] == (9 if usual else 13)
            assert entry["event"] == f"sovgate.audit.{body['kind']}"
            since = times[body["hash"]].timestamp()
            assert int(entry["nanoseconds"]) // 1000 == round(since * 1_000_000)
            attributes = entry["attributes"]
            assert attributes["service.name"] == "sovgate"
            assert attributes["sovgate.tenant"] == body["tenant"]
            assert attributes["sovgate.record.id"] == body["request_id"]
            assert int(attributes["sovgate.record.seq"]) == body["seq"]
            assert entry["authorization"] == "Bearer of tests"


async def test_a_receiver_that_comes_and_goes_loses_nothing(database: Database, site: Site) -> None:
    """Killed at moments of its own while records are under way, five times."""
    rng = random.Random(7)
    stream = _stream(database, site.settings)
    await _write(database, "acme", range(50))
    with pytest.raises(DeliveryFailed):
        await stream.round()
    await stream.start()
    written = 50
    for _ in range(5):
        with site.up() as server:
            wanted = len(site.received()) + rng.randint(1, 400)
            while len(site.received()) < wanted:
                await _write(database, "acme", range(written, written + 150))
                written += 150
                await asyncio.sleep(0.01)
            os.kill(server.pid, signal.SIGKILL)
        await _write(database, "acme", range(written, written + 20))
        written += 20
    await stream.stop()
    again = _stream(database, site.settings)
    with site.up():
        await _all(again)
    await again.stop()
    first = list(dict.fromkeys(body["seq"] for body in site.bodies()))
    assert first == list(range(1, written + 1))


async def test_what_only_the_receivers_kernel_has_is_not_delivered(
    database: Database, site: Site
) -> None:
    """A receiver that hangs and is killed: its kernel took the batch, and nobody read it."""
    await _write(database, "acme", range(5))
    stream = _stream(database, site.settings)
    with site.up() as server:
        os.kill(server.pid, signal.SIGSTOP)
        sending = asyncio.create_task(stream.round())
        await asyncio.sleep(0.3)
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(DeliveryFailed):
            await sending
    assert site.received() == []
    with site.up():
        await _all(stream)
        await stream.stop()
    assert [body["seq"] for body in site.bodies()] == [1, 2, 3, 4, 5]


async def test_a_restart_goes_on_where_the_cursor_stands(database: Database, site: Site) -> None:
    await _write(database, "acme", range(10))
    with site.up():
        stream = _stream(database, site.settings)
        await _all(stream)
        await stream.stop()
        await _write(database, "acme", range(10, 20))
        again = _stream(database, site.settings, holder="another")
        await _all(again)
        await again.stop()
    assert [body["seq"] for body in site.bodies()] == list(range(1, 21))


async def test_one_replica_at_a_time(
    database: Database, tmp_path: Path, clock: ManualClock
) -> None:
    site = Site("syslog", tmp_path)
    await _write(database, "acme", range(5))
    states: list[StreamState] = []
    one = _stream(database, site.settings, "one", clock=clock)
    two = _stream(database, site.settings, "two", clock=clock, observe=states.append)
    with site.up():
        await _all(one)
        await _write(database, "acme", range(5, 10))
        assert not await two.round()
        assert states[-1].lag is None
        # One dies without a word: its time runs out.
        clock.advance(HOLD + timedelta(seconds=1))
        await _all(two)
        assert not await one.round()
        # Two stops, and leaves the stream at once.
        await two.stop()
        await _write(database, "acme", range(10, 15))
        await _all(one)
        await one.stop()
    assert [body["seq"] for body in site.bodies()] == list(range(1, 16))


async def test_a_stream_begins_with_what_is_to_come_unless_told_otherwise(
    database: Database, tmp_path: Path
) -> None:
    site = Site("syslog", tmp_path)
    await _write(database, "acme", range(10))
    stream = _stream(database, {**site.settings, "past": False, "tenants": ["acme", "new"]})
    with site.up():
        assert not await stream.round()
        await _write(database, "acme", range(10, 12))
        await _write(database, "globex", range(2))
        await _write(database, "new", range(2))
        await _all(stream)
        await stream.stop()
    found = [(body["tenant"], body["seq"]) for body in site.bodies()]
    assert found == [("acme", 11), ("acme", 12), ("new", 1), ("new", 2)]


async def test_a_collector_that_refuses_gets_it_again(database: Database, tmp_path: Path) -> None:
    site = Site("otlp", tmp_path)
    site.refuse(True)
    await _write(database, "acme", range(3))
    stream = _stream(database, site.settings)
    with site.up():
        with pytest.raises(DeliveryFailed, match="503"):
            await stream.round()
        site.refuse(False)
        await _all(stream)
        await stream.stop()
    assert [body["seq"] for body in site.bodies()] == [1, 2, 3]


async def test_a_certificate_that_is_not_trusted_gets_nothing(
    database: Database, tmp_path: Path, certificate: list[Path]
) -> None:
    site = Site("syslog", tmp_path, certificate)
    await _write(database, "acme", range(3))
    with site.up():
        stream = _stream(database, {"url": f"tls://localhost:{site.port}"})
        with pytest.raises(DeliveryFailed):
            await stream.round()
        # Trusted, but for another name.
        named = {**site.settings, "url": f"tls://127.0.0.1:{site.port}"}
        with pytest.raises(DeliveryFailed):
            await _stream(database, named).round()
        await stream.stop()
    assert site.received() == []


@pytest.mark.parametrize(
    "url", ["udp://siem:514", "tcp://siem", "siem:514", "file:///tmp/x", "tls://:6514"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="use tcp"):
        AuditStreamSettings.model_validate({"url": url})


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "https://localhost/v1/logs", "authorization_env": "NOT_SET"},
        {"url": "tls://localhost:6514", "ca_file": "/nothing/here"},
    ],
)
def test_missing_secrets_and_certificates_stop_the_start(settings: dict[str, Any]) -> None:
    parsed = AuditStreamSettings.model_validate(settings)
    database = Database("sqlite+aiosqlite:///:memory:")
    with pytest.raises(SettingsError):
        open_streams({"siem": parsed}, database, SystemClock(), holder="one", environ={})
