"""Stage 6: the answer is inspected, restored and, where it streams, sent on."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from core.clock import Clock
from gateway.errors import UpstreamError, UpstreamInvalidReply
from gateway.exchange import Exchange
from gateway.guarding import Guards
from gateway.http.connection import Connection
from gateway.pipeline.answer import AnswerBlocked, AnswerStream, decode_answer
from gateway.pipeline.answer_binary import WholeReply, binary_type
from gateway.pipeline.answer_judge import Judge
from gateway.pipeline.answer_text import OutputGuard
from gateway.pipeline.headers import answer_headers
from gateway.pipeline.inspect_input import decide_moderation
from gateway.pipeline.stage import Stage
from gateway.surfaces import Encoder
from gateway.upstreams.base import BinaryReply, OfferingReply, Take, is_json
from gateway.upstreams.resilience.deadlines import Deadlines, DeadlineWatch, Limit
from guardrails.errors import GuardUnavailable
from guardrails.types import Action, Role

_EVENT_STREAM = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class InspectOutput(Stage):
    """Plain answers are kept for the end; events go out as they come."""

    name = "inspect_output"

    def __init__(self, guards: Guards, clock: Clock) -> None:
        self._guards = guards
        self._clock = clock
        self._watch = DeadlineWatch(clock.monotonic)

    async def enter(self, exchange: Exchange) -> None:
        assert exchange.reply is not None, "call comes first"
        if exchange.passage is not None:
            deadlines = exchange.passage.deadlines
        else:  # a kept answer
            target = exchange.target
            deadlines = Deadlines(target.upstream, self._clock.monotonic() + target.timeout_s)
        try:
            with self._watch.until(deadlines.next()) as limit:
                if exchange.stream:
                    await self._stream(exchange, deadlines, limit)
                elif exchange.surface.binary:
                    await self._binary(exchange)
                else:
                    raw = await exchange.reply.read()
                    exchange.timing.first_token = self._clock.monotonic()
                    guard = OutputGuard(exchange, self._guards.pii, _own(exchange))
                    exchange.answer = exchange.surface.inspect(
                        exchange, raw, self._judge(exchange), guard
                    )
        except TimeoutError:
            raise deadlines.passed(begun=deadlines.first_by is None) from None

    async def _stream(self, exchange: Exchange, deadlines: Deadlines, limit: Limit) -> None:
        reply, connection = exchange.reply, exchange.connection
        assert reply is not None, "call comes first"
        guard = OutputGuard(exchange, self._guards.pii, _own(exchange))
        stream = exchange.surface.stream(exchange, self._judge(exchange), guard)
        exchange.encoder = encoder = exchange.surface.encoder(exchange)
        held: list[bytes] = []  # of events that came together: one write for all of them
        if isinstance(reply, OfferingReply) and isinstance(stream, AnswerStream):
            reply.offer(_taking(exchange, stream, encoder, held))
        async with _sent(connection, held):
            try:
                async with aclosing(reply.events()) as events:  # type: ignore[type-var]
                    async for data in events:
                        if deadlines.first_by is not None:
                            deadlines.first_by = None  # it has begun
                            limit.by = deadlines.total_by
                        await self._send_event(exchange, encoder.events(stream.feed(data)), held)
                        if stream.blocked:
                            break
            except AnswerBlocked as blocked:
                held.append(encoder.events([blocked.closing]))
            if not stream.blocked and not reply.complete and exchange.finish_reason is None:
                raise UpstreamError("The upstream's answer broke off; what came is not complete.")
            rest = b"" if stream.blocked else encoder.events(stream.finish())
            if not exchange.head_sent:
                await self._send_head(exchange)
            held.append(rest + encoder.end())

    async def _send_event(self, exchange: Exchange, out: bytes, held: list[bytes]) -> None:
        # The head waits for the first good event, so that an upstream that fails at once still
        # gets the client a proper error status.
        if not exchange.head_sent:
            await self._send_head(exchange)
        if exchange.timing.first_token is None and exchange.output_chars:
            exchange.timing.first_token = self._clock.monotonic()
        if out:
            held.append(out)
        assert exchange.reply is not None, "it is being read"
        if held and not exchange.reply.has_next:
            await _send(exchange.connection, held)

    async def _binary(self, exchange: Exchange) -> None:
        """What no guard reads goes on as it comes; the policy let it pass before it was asked."""
        reply, connection = exchange.reply, exchange.connection
        exchange.encoder = exchange.surface.encoder(exchange)
        if not isinstance(reply, BinaryReply):
            assert reply is not None, "call comes first"
            reply = WholeReply(await reply.read())
        elif is_json(reply.content_type):
            decode_answer(await reply.read())  # an error that came as a success says so
        kind = binary_type(reply.content_type)
        async with aclosing(reply.chunks()) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                if not exchange.head_sent:
                    exchange.timing.first_token = self._clock.monotonic()
                    exchange.head_sent = True
                    await connection.start(
                        200, [(b"content-type", kind), *answer_headers(exchange)]
                    )
                await connection.write(chunk, more=True)
        if not exchange.head_sent:
            raise UpstreamInvalidReply("The upstream's answer is empty; try again.")

    async def _send_head(self, exchange: Exchange) -> None:
        exchange.head_sent = True
        await exchange.connection.start(200, [*_EVENT_STREAM, *answer_headers(exchange)])

    def _judge(self, exchange: Exchange) -> Judge | None:
        _, policy = exchange.authenticated
        if policy.moderation.output is Action.ALLOW:
            return None

        def judge(text: str) -> None:
            try:
                verdict = self._guards.moderation.score(text, Role.ASSISTANT)
            except Exception as error:
                # Fail closed: an answer that nobody could judge does not go out.
                raise GuardUnavailable(
                    f"The moderation guard failed ({type(error).__name__});"
                    " the answer was withheld."
                ) from None
            decide_moderation(exchange, policy, verdict, "output")

        return judge


def _taking(exchange: Exchange, stream: AnswerStream, encoder: Encoder, held: list[bytes]) -> Take:
    """Events in the middle of a stream that need nothing go out as they come."""
    connection, timing = exchange.connection, exchange.timing

    def take(data: bytes) -> bool:
        if timing.first_token is None or held or not connection.writes_at_once:
            return False
        if not stream.take(data):
            return False
        if out := encoder.events([data]):
            connection.write_now(out)
        return True

    return take


@asynccontextmanager
async def _sent(connection: Connection, held: list[bytes]) -> AsyncIterator[None]:
    """At the end ``held`` is sent, also where what came next failed: its error stands behind."""
    try:
        yield
    except Exception:
        if held:
            await _send(connection, held)
        raise
    await _send(connection, held)


async def _send(connection: Connection, held: list[bytes]) -> None:
    data = held[0] if len(held) == 1 else b"".join(held)
    held.clear()
    await connection.write(data, more=True)


def _own(exchange: Exchange) -> dict[str, Any]:
    """The tenant's recognizers look at answers as they look at requests."""
    own = exchange.recognizers
    return {"extra": own.recognizers, "allow": own.allow} if own else {}
