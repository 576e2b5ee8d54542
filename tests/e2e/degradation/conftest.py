"""Servers that the tests of a module stop, pause and start again, and a gateway on them."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.databases import migrate
from support.deployment import Capture, capture_upstream
from support.faults import own_url
from support.postgres import PostgresServer, execute


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capture]:
    """A capture upstream that remembers the whole module."""
    with capture_upstream(tmp_path_factory.mktemp("capture")) as capture:
        yield capture


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server of its own, with a migrated database ``sovgate``; commits are on disk."""
    with tempfile.TemporaryDirectory(prefix="sovgate-postgres-") as directory:
        server = PostgresServer(
            Path(directory), {"synchronous_commit": "on", "max_connections": "40"}
        )
        server.start(crash=True)
        try:
            asyncio.run(execute(server.url, "CREATE ROLE sovgate LOGIN"))
            asyncio.run(execute(server.url, "CREATE DATABASE sovgate OWNER sovgate"))
            asyncio.run(migrate(own_url(server)))
            yield server
        finally:
            server.stop()
