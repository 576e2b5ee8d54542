"""The gateway as one ASGI application.

The inference routes are plain ASGI (a FastAPI route costs four times their
whole overhead, docs/adr/0002); the admin API behind them is FastAPI.
"""

import gc
import logging
from contextlib import AbstractAsyncContextManager

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Receive, Scope, Send

from billing.budgets.bounds import LearnedBounds
from core.errors import SovgateError
from gateway.admin import MOUNT
from gateway.admin.awaited import AwaitedAdmin
from gateway.admin_ui import AdminUi
from gateway.batches.desk import BatchDesk
from gateway.batches.messages import MessageBatchDesk
from gateway.caching import CachedCall
from gateway.errors import MethodNotAllowed, NotFound, UnsupportedEncoding
from gateway.files import FileStore
from gateway.http.connection import Connection
from gateway.http.errors import http_error
from gateway.http.security import secured
from gateway.http.shapes import error_body
from gateway.pipeline import Pipeline
from gateway.pipeline.admit import Admit
from gateway.pipeline.authenticate import Authenticate
from gateway.pipeline.call import Call
from gateway.pipeline.inspect_input import InspectInput
from gateway.pipeline.inspect_output import InspectOutput
from gateway.pipeline.moderate import Moderate
from gateway.pipeline.route import ChooseRoute
from gateway.pipeline.settle import Settle
from gateway.request_log import RequestLog
from gateway.responses import ResponseStore
from gateway.routes.batches import Batches
from gateway.routes.count_tokens import CountTokens
from gateway.routes.files import Files
from gateway.routes.inference import Inference
from gateway.routes.message_batches import MessageBatches
from gateway.routes.models import Models
from gateway.routes.operations import Health, MetricsPage, OpenApi, Ready
from gateway.routes.outage import of_the_database
from gateway.routes.responses import StoredResponses
from gateway.routes.table import Handler, RouteTable
from gateway.settings import Settings, load_settings
from gateway.state import PATIENCE, GatewayState, build_state
from gateway.surfaces import (
    ChatSurface,
    CompletionsSurface,
    EmbeddingsSurface,
    ImageFormSurface,
    ImagesSurface,
    MessagesSurface,
    ModerationsSurface,
    ResponsesSurface,
    SpeechSurface,
    Surface,
    TranscriptionsSurface,
)

ADMIN_UI = "/admin"
# Python's 700 come every few requests; gateway/cli/__init__.py is wider.
_COLLECTED_EVERY = (5_000, 10, 10)

_log = structlog.get_logger(__name__)


def build_pipeline(state: GatewayState, *, local: bool = False) -> Pipeline:
    """The seven stages, in the order in which a request meets them.

    Args:
        local: for what the gateway's own guards answer: nothing is routed and nothing leaves,
            so the answer takes the place of stages 3 to 6.
    """
    settings, clock = state.settings, state.clock
    bounds = LearnedBounds() if settings.billing.reserve == "learned" else None
    call = Call(state.upstreams, state.journal, clock, state.archive)
    answering = (
        (Moderate(state.guards, clock),)
        if local
        else (
            InspectInput(state.guards, state.recognizers, clock, state.vault),
            ChooseRoute(state.router),
            call if state.cache is None else CachedCall(call, state.cache, clock),
            InspectOutput(state.guards, clock),
        )
    )
    return Pipeline(
        (
            Authenticate(state.keys, settings.policies),
            Admit(
                settings,
                state.router,
                state.limiter,
                state.prices,
                state.budgets,
                state.journal,
                clock,
                state.pepper,
                bounds,
            ),
            *answering,
            Settle(
                state.prices,
                state.budgets,
                state.journal,
                clock,
                bounds,
                state.archive,
            ),
        )
    )


def build_routes(state: GatewayState, log: RequestLog) -> RouteTable:
    """Every path of the inference API."""
    authenticate = Authenticate(state.keys, state.settings.policies)
    pipeline, local = build_pipeline(state), build_pipeline(state, local=True)
    client_address = state.settings.audit.client_address
    stored = ResponseStore(
        state.database.within(state.settings.database.timeout_s), state.clock, state.trail.wrapper
    )
    responses = StoredResponses(authenticate, stored)
    models = Models(authenticate, state.router, state.clock)

    def serve(surface: Surface) -> Inference:
        return Inference(
            surface,
            pipeline if surface.guard_model is None else local,
            state.metrics,
            state.clock,
            state.telemetry,
            log,
            client_address=client_address,
            who=authenticate.who,
            keys=state.idempotency,
        )

    database = state.database.answering_within(PATIENCE * state.settings.database.timeout_s)
    store = FileStore(database, state.clock, state.trail.wrapper, state.settings.files)
    files = Files(authenticate, store)
    desk = BatchDesk(store, state.jobs, state.settings.batches)
    batches = Batches(authenticate, desk, state.idempotency)
    message_batches = MessageBatches(
        authenticate,
        MessageBatchDesk(store, state.jobs, state.settings.batches),
        state.idempotency,
        state.settings.server.max_body_bytes,
    )
    return RouteTable(
        {
            "/v1/chat/completions": {"POST": serve(ChatSurface())},
            "/v1/messages": {"POST": serve(MessagesSurface(state.pepper))},
            "/v1/messages/count_tokens": {
                "POST": CountTokens(
                    authenticate, state.settings, state.router, state.limiter, state.upstreams
                )
            },
            "/v1/responses": {
                "POST": serve(
                    ResponsesSurface(
                        stored,
                        state.clock,
                        state.settings.limits,
                        state.settings.server.max_body_bytes,
                    )
                )
            },
            # Not offered: without this it would be the id of a response.
            "/v1/responses/compact": {"POST": responses.compact},
            "/v1/responses/{id}": {"GET": responses.show, "DELETE": responses.delete},
            "/v1/responses/{id}/input_items": {"GET": responses.input_items},
            "/v1/responses/{id}/cancel": {"POST": responses.cancel},
            "/v1/completions": {"POST": serve(CompletionsSurface())},
            "/v1/embeddings": {"POST": serve(EmbeddingsSurface())},
            "/v1/audio/speech": {"POST": serve(SpeechSurface())},
            "/v1/audio/transcriptions": {"POST": serve(TranscriptionsSurface("transcriptions"))},
            "/v1/audio/translations": {"POST": serve(TranscriptionsSurface("translations"))},
            "/v1/images/generations": {"POST": serve(ImagesSurface())},
            "/v1/images/edits": {"POST": serve(ImageFormSurface("edits"))},
            "/v1/images/variations": {"POST": serve(ImageFormSurface("variations"))},
            "/v1/moderations": {"POST": serve(ModerationsSurface())},
            "/v1/models": {"GET": models},
            "/v1/models/{id}": {"GET": models.show},
            "/v1/models/{owner}/{id}": {"GET": models.show},
            "/v1/files": of_the_database({"POST": files.create, "GET": files.index}),
            "/v1/files/{id}": of_the_database({"GET": files.get, "DELETE": files.delete}),
            "/v1/files/{id}/content": of_the_database({"GET": files.content}),
            "/v1/batches": of_the_database({"POST": batches.create, "GET": batches.index}),
            "/v1/batches/{id}": of_the_database({"GET": batches.get}),
            "/v1/batches/{id}/cancel": of_the_database({"POST": batches.cancel}),
            "/v1/messages/batches": of_the_database(
                {"POST": message_batches.create, "GET": message_batches.index}
            ),
            "/v1/messages/batches/{id}": of_the_database(
                {"GET": message_batches.get, "DELETE": message_batches.delete}
            ),
            "/v1/messages/batches/{id}/cancel": of_the_database({"POST": message_batches.cancel}),
            "/v1/messages/batches/{id}/results": of_the_database({"GET": message_batches.results}),
            "/v1/openapi.json": {"GET": OpenApi()},
            "/healthz": {"GET": Health()},
            "/readyz": {"GET": Ready(state.journal, state.upstreams, state.database_watch)},
            "/metrics": {
                "GET": MetricsPage(state.metrics),
            },
        }
    )


class Gateway:
    """The ASGI application; its parts live between lifespan start-up and shutdown."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: AbstractAsyncContextManager[GatewayState] | None = None
        self._routes = RouteTable({})
        self._admin: ASGIApp | None = None
        self._ui = AdminUi()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, secured(scope, send))
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path not in self._routes and self._admin is not None:
            if path.startswith(MOUNT + "/"):
                # A mounted application sees the rest of the path.
                await self._admin({**scope, "root_path": MOUNT}, receive, send)
                return
            if path == ADMIN_UI or path.startswith(ADMIN_UI + "/"):
                await self._ui(scope, receive, send)
                return
        await self.serve(Connection(scope, receive, send))

    def takes(self, path: str) -> bool:
        """Whether ``serve`` answers this path."""
        return path in self._routes

    async def serve(self, connection: Connection) -> None:
        """A request of the inference API."""
        try:
            await self._handler(connection)(connection)
        except Exception as error:
            if connection.started:
                raise
            if not isinstance(error, SovgateError):
                # Type and place only: gateway/log.py.
                logging.getLogger(__name__).error("request failed", exc_info=error)
            answer = http_error(error)
            body = error_body(answer, connection.scope["path"])
            await connection.respond(answer.status, answer.headers, body)

    def _handler(self, connection: Connection) -> Handler:
        """Raises: NotFound, MethodNotAllowed, UnsupportedEncoding."""
        methods = self._routes.find(connection)
        if methods is None:
            raise NotFound("There is no such path; see the documentation for the API.")
        handler = methods.get(connection.scope["method"])
        if handler is None:
            allowed = ", ".join(methods)
            raise MethodNotAllowed(f"This path answers {allowed} only.", allow=allowed)
        if connection.headers.get(b"content-encoding", b"identity") != b"identity":
            raise UnsupportedEncoding("Send the body without a Content-Encoding.")
        return handler

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._running = build_state(self._settings)
            state = await self._running.__aenter__()
            log = RequestLog(state.clock, state.metrics)
            self._routes = build_routes(state, log)
            self._admin = AwaitedAdmin(state)
        except SovgateError as error:
            _log.error("start.failed", code=error.code, reason=error.message)
            await send({"type": "lifespan.startup.failed", "message": error.message})
            return
        except (SQLAlchemyError, OSError) as error:
            reason = f"Start failed ({type(error).__name__}): look at the database and the disk."
            _log.error("start.failed", code="internal_error", reason=reason)
            await send({"type": "lifespan.startup.failed", "message": reason})
            return
        # What lives as long as the process need not be looked through again: a full
        # collection held up every request for 80 ms.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECTED_EVERY)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._running.__aexit__(None, None, None)
        log.flush()
        await send({"type": "lifespan.shutdown.complete"})


def create_app(settings: Settings) -> Gateway:
    """The application for these settings."""
    return Gateway(settings)


def create_app_from_environment() -> Gateway:
    """For servers that import an application: settings from ``SOVGATE_CONFIG``."""
    from gateway.log import configure_logging

    configure_logging()
    return create_app(load_settings())
