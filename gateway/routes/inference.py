"""Every surface's requests: path -> pipeline -> answer."""

from dataclasses import replace

from core.clock import Clock
from core.ids import new_id
from gateway.errors import ContentBlocked
from gateway.exchange import Exchange, Timing
from gateway.http.connection import Connection
from gateway.http.errors import http_error
from gateway.idempotency import HEADER, IdempotencyKeys
from gateway.idempotency.keys import Who
from gateway.metrics import Metrics
from gateway.pipeline import Pipeline
from gateway.pipeline.headers import answer_headers
from gateway.request_log import RequestLog
from gateway.surfaces import Surface
from gateway.telemetry import Telemetry


class Inference:
    """Serves one surface, plain and streamed."""

    def __init__(
        self,
        surface: Surface,
        pipeline: Pipeline,
        metrics: Metrics,
        clock: Clock,
        telemetry: Telemetry,
        log: RequestLog,
        *,
        client_address: bool,
        who: Who,
        keys: IdempotencyKeys | None,
    ) -> None:
        self._who = who
        self._keys = keys
        self._surface = surface
        self._pipeline = pipeline
        self._metrics = metrics
        self._clock = clock
        self._telemetry = telemetry
        self._log = log
        self._client_address = client_address

    async def __call__(self, connection: Connection) -> None:
        if HEADER in connection.headers and self._keys is not None:
            await self._keys.serve(connection, self._who, self._serve)
        else:
            await self._serve(connection)

    async def _serve(self, connection: Connection) -> bool:
        """Whether the answer is the one to give again where the request comes again."""
        exchange = self._exchange(connection)
        self._metrics.in_progress += 1
        try:
            await self._pipeline.run(exchange)
            await self._surface.settled(exchange)
            if not exchange.disconnected:
                await self._respond(exchange)
            # What was billed is not asked again; other errors may pass.
            blocked = isinstance(exchange.error, ContentBlocked)
            return not exchange.disconnected and (exchange.error is None or blocked)
        finally:
            self._metrics.in_progress -= 1
            self._telemetry.finished(exchange)
            self._log.write(exchange)
            exchange.encoder = None  # some know the exchange: only the collector would free both

    async def _respond(self, exchange: Exchange) -> None:
        connection = exchange.connection
        if exchange.error is not None:
            error = replace(http_error(exchange.error), request_id=exchange.request_id)
            if exchange.head_sent:
                encoder = exchange.encoder or self._surface.encoder(exchange)
                if said := encoder.error(error):
                    await connection.write(said)
                # Else nothing can be said within it: the connection ends before the answer does.
            else:
                headers = [*answer_headers(exchange), *error.headers]
                await connection.respond(error.status, headers, self._surface.error(error))
        elif exchange.head_sent:
            await connection.write(b"")
        else:
            answer = self._surface.shape(exchange, exchange.answer or b"")
            kind = self._surface.answer_type(exchange)
            await connection.respond(200, answer_headers(exchange), answer, kind)

    def _exchange(self, connection: Connection) -> Exchange:
        client = connection.scope.get("client") if self._client_address else None
        return Exchange(
            request_id=new_id("req"),
            surface=self._surface,
            connection=connection,
            started_at=self._clock.now(),
            timing=Timing(started=self._clock.monotonic()),
            trace=self._telemetry.tracing.begin(connection),
            client_address=client[0] if client else None,
        )
