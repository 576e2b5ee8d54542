"""The SQLite file locked by another process, and no room for it: docs/degradation.md."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from support.deployment import Capture, gateway, settings
from support.faults import Site, fast


@pytest.fixture(scope="module")
def gateway_site(tmp_path_factory: pytest.TempPathFactory, upstream: Capture) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("gateway")
    content = settings(directory, upstream.url)
    with gateway(directory, fast(content, content["database"]["url"])) as deployment:
        site = Site(deployment, upstream)
        yield site
        site.check(proofs=True)


@pytest.fixture
def site(gateway_site: Site) -> Site:
    """With keys known and money leased."""
    gateway_site.serves()
    return gateway_site


def file_of(site: Site) -> Path:
    return site.deployment.directory / "data" / "sovgate.db"


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process writes, and goes on writing."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def no_room(site: Site, file: Path) -> Iterator[None]:
    """The gateway's files may not grow beyond the size that this one has: the write-ahead log of
    the database cannot, the journal, which is smaller, can."""
    pid = site.deployment.server.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (file.stat().st_size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def assert_served_without_writing(site: Site) -> None:
    for _ in range(3):
        site.serves()
    site.recovers(lambda: site.metric("sovgate_journal_backlog_bytes") > 0)


def assert_all_is_well(site: Site) -> None:
    site.recovers(lambda: site.metric("sovgate_journal_backlog_bytes") == 0)
    site.serves()
    with site.admin() as admin:
        assert admin.post("/logout").status_code == 204
    site.check()


def test_locked_by_another_process(site: Site) -> None:
    with site.admin() as admin:
        with locked(file_of(site)):
            assert_served_without_writing(site)
            answer = admin.post("/tenants", json={"name": "newcomer"})
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (503, "database_unavailable")
        assert admin.post("/tenants", json={"name": "newcomer"}).status_code == 201
    assert_all_is_well(site)


def test_no_room_for_the_database(site: Site) -> None:
    log = file_of(site).with_name("sovgate.db-wal")
    with site.admin() as admin:
        with no_room(site, log):
            assert_served_without_writing(site)
            answer = admin.post("/tenants", json={"name": "later"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (
                503,
                "database_unavailable",
            )
        assert admin.post("/tenants", json={"name": "later"}).status_code == 201
    assert_all_is_well(site)
