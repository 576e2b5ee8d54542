"""``/healthz``, ``/readyz``, ``/metrics``, ``/v1/openapi.json``: without a key."""

from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files

import msgspec

from gateway.audit import Journal
from gateway.database_watch import DatabaseWatch
from gateway.http.connection import Connection
from gateway.metrics import Metrics
from gateway.upstreams import Deployed


class Health:
    """Alive: the event loop answers."""

    async def __call__(self, connection: Connection) -> None:
        await connection.respond(200, [], b'{"status":"ok"}')


class OpenApi:
    """What the inference routes take and give (``openapi.json`` beside this file)."""

    @cached_property
    def document(self) -> bytes:
        return (files("gateway.routes") / "openapi.json").read_bytes()

    async def __call__(self, connection: Connection) -> None:
        await connection.respond(200, [], self.document)


class Ready:
    """Ready: requests could be journaled and some upstream answers.

    Without the database a gateway stays ready, since it serves the keys that it knows.
    """

    def __init__(
        self, journal: Journal, upstreams: Mapping[str, Deployed], database: DatabaseWatch
    ) -> None:
        self._journal = journal
        self._upstreams = upstreams
        self._database = database

    async def __call__(self, connection: Connection) -> None:
        healthy = {name: upstream.health.healthy for name, upstream in self._upstreams.items()}
        ready = self._journal.healthy and (any(healthy.values()) or not healthy)
        body = {
            "status": "ready" if ready else "not ready",
            "journal": self._journal.healthy,
            # Told, not counted, as is the database.
            "damaged_segments": self._journal.damaged_segments(),
            # Told, not counted: requests go on, and every replica has the same database.
            "database": self._database.answers,
            "upstreams": healthy,
            # Told, not counted: the breaker tries again by itself.
            "left_alone": [
                name for name, each in self._upstreams.items() if not each.standing.admits
            ],
        }
        await connection.respond(200 if ready else 503, [], msgspec.json.encode(body))


class MetricsPage:
    """The Prometheus text format."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def __call__(self, connection: Connection) -> None:
        body = self._metrics.render()
        await connection.start(
            200,
            [
                (b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),
                (b"content-length", str(len(body)).encode()),
            ],
        )
        await connection.write(body)
