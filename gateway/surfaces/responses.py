"""``/v1/responses``: OpenAI's Responses API over a chat endpoint.

Earlier turns come from the store (``gateway.responses``) with the values that the client sent
and saw; they pass the guards with the request that builds on them.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from core.clock import Clock
from gateway.errors import InvalidRequest
from gateway.exchange import Exchange
from gateway.pipeline.answer import AnswerStream
from gateway.pipeline.answer_judge import Judge
from gateway.pipeline.answer_text import OutputGuard
from gateway.responses import ResponseStore, StoredTurn
from gateway.responses.errors import ItemNotFound
from gateway.settings import LimitSettings
from gateway.surfaces.base import AnswerEvents, Encoder
from gateway.surfaces.chat import ChatSurface
from gateway.surfaces.checks import decode_object
from gateway.surfaces.responses_items import (
    Conversation,
    input_items,
    needs_seal,
    response_of_item,
)
from gateway.surfaces.responses_request import ENCRYPTED_REASONING, chat_fields, read_asked
from gateway.surfaces.responses_stream import ResponseEvents
from gateway.surfaces.responses_turn import Turn
from gateway.tenants.keys import Principal

_MOST_REFERENCED = 16  # each is read, however small the item
_ASKED = "\0asked"  # on its way from `read` to `expand`; no client can send that


class ResponsesSurface(ChatSurface):
    name = "responses"

    def __init__(
        self, store: ResponseStore, clock: Clock, limits: LimitSettings, most: int
    ) -> None:
        """``most``: bytes that earlier turns may come to, as a body of a request may."""
        self._store = store
        self._most = most
        self._clock = clock
        self._limits = limits

    def read(self, raw: bytes, limits: LimitSettings) -> dict[str, Any]:
        asked = read_asked(decode_object(raw))
        return {**chat_fields(asked), _ASKED: asked}

    async def expand(self, exchange: Exchange) -> None:
        principal, policy = exchange.authenticated
        asked = exchange.body.pop(_ASKED)
        turn = exchange.turn = Turn(asked, exchange.started_at)
        turn.store = asked.store is not False and policy.responses.store
        turn.input = await self._resolved(exchange, input_items(asked.input, turn.id))
        items = await self._earlier(principal, turn, exchange)
        offset = len(items)
        items += turn.input
        if asked.includes(ENCRYPTED_REASONING) or needs_seal(items):
            turn.seal = await self._store.reasoning_seal(principal.tenant)
        conversation = Conversation(asked.instructions, turn.seal)
        for index, item in enumerate(items):
            conversation.add(item, f"input[{max(0, index - offset)}]")
        if not asked.includes(ENCRYPTED_REASONING):
            turn.seal = None
        exchange.body["messages"] = self._bounded(conversation.close(), asked.truncation)

    def encoder(self, exchange: Exchange) -> Encoder:
        turn = _turn(exchange)
        turn.model = exchange.target.model
        return ResponseEvents(turn)

    def stream(self, exchange: Exchange, judge: Judge | None, guard: OutputGuard) -> AnswerEvents:
        return AnswerStream(exchange, judge, guard, sequential=True)

    async def settled(self, exchange: Exchange) -> None:
        turn: Turn | None = exchange.turn
        if turn is None or exchange.error is not None or exchange.disconnected:
            return
        if not exchange.head_sent:
            turn.model = exchange.target.model
            choices = msgspec.json.decode(exchange.answer or b"{}").get("choices")
            for choice in choices[:1]:
                turn.output.feed(choice)
            turn.output.finish()
        turn.close(exchange.usage, self._clock.now())
        if turn.store:
            await self._keep(exchange, turn)
        if exchange.head_sent:
            assert isinstance(exchange.encoder, ResponseEvents)
            await exchange.connection.write(exchange.encoder.last(), more=True)

    def shape(self, exchange: Exchange, answer: bytes) -> bytes:
        return msgspec.json.encode(_turn(exchange).final)

    async def _keep(self, exchange: Exchange, turn: Turn) -> None:
        """Where it cannot be stored, the answer says so: ``store`` is false in it."""
        principal, policy = exchange.authenticated
        turn.store = turn.final["store"] = await self._store.keep(
            principal,
            turn.stored(),
            owner=exchange.end_user or principal.key_id,
            values=exchange.scope.values if exchange.scope is not None else (),
            since=exchange.started_at,
            kept=timedelta(days=policy.responses.retention_days),
        )

    async def _earlier(
        self, principal: Principal, turn: Turn, exchange: Exchange
    ) -> list[dict[str, Any]]:
        """The items of the turns before; their size counts as the request's."""
        previous = turn.asked.previous_response_id
        if previous is None:
            return []
        turns = await self._store.chain(
            principal, previous, most=self._most, cut=turn.asked.truncation == "auto"
        )
        turn.thread = turns[0].thread
        items = [item for one in turns for item in (*one.input, *one.response["output"])]
        exchange.body_bytes += len(msgspec.json.encode(items))
        return items

    async def _resolved(
        self, exchange: Exchange, items: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Items in place of references to them; their size counts as the request's."""
        principal, _ = exchange.authenticated
        turns: dict[str, StoredTurn | None] = {}
        for index, item in enumerate(items):
            if item["type"] != "item_reference":
                continue
            response_id = response_of_item(item["id"]) or ""
            if response_id not in turns:
                if len(turns) == _MOST_REFERENCED:
                    raise InvalidRequest(
                        f"References may be to items of {_MOST_REFERENCED} responses at most.",
                        param="input",
                    )
                turns[response_id] = await self._store.find(principal, response_id)
            items[index] = _referenced(turns[response_id], item["id"], index)
            exchange.body_bytes += len(msgspec.json.encode(items[index]))
        return items

    def _bounded(
        self, messages: list[dict[str, Any]], truncation: str | None
    ) -> list[dict[str, Any]]:
        """Raises ``InvalidRequest`` for more messages than are allowed, or for none."""
        most = self._limits.max_messages
        if len(messages) > most and truncation == "auto":
            messages = _latest(messages, most)
        if not messages or len(messages) > most:
            raise InvalidRequest(
                f"The input must come to 1 to {most} messages, earlier turns included.",
                param="input",
            )
        return messages


def _referenced(turn: StoredTurn | None, item_id: str, index: int) -> dict[str, Any]:
    for item in (*turn.input, *turn.response["output"]) if turn is not None else ():
        if item["id"] == item_id:
            return item
    raise ItemNotFound(
        "The referenced item is in no stored response; send the item itself.",
        param=f"input[{index}].id",
    )


def _turn(exchange: Exchange) -> Turn:
    assert exchange.turn is not None, "expand comes first"
    return exchange.turn


def _latest(messages: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """The instructions and the latest messages; a tool's result does not stand without its call."""
    head = [message for message in messages[:1] if message["role"] == "system"]
    rest = list(messages[len(messages) - most + len(head) :])
    while rest and rest[0]["role"] == "tool":
        rest.pop(0)
    return [*head, *rest]
