"""``/v1/messages``: Anthropic's Messages API around the governed path of chat completions.

A request becomes a chat request (``messages_request``), so that guards, routing, dialects and
billing are those of every other request; the inspected answer becomes a message
(``messages_answer``) or its events (``messages_stream``).
"""

from typing import Any

from gateway.exchange import Exchange
from gateway.http.errors import HttpError
from gateway.http.shapes import messages_error
from gateway.pipeline.answer import AnswerStream
from gateway.pipeline.answer_judge import Judge
from gateway.pipeline.answer_text import OutputGuard
from gateway.settings import LimitSettings
from gateway.surfaces.base import AnswerEvents, Encoder
from gateway.surfaces.chat import ChatSurface, check_chat_body
from gateway.surfaces.checks import decode_object
from gateway.surfaces.messages_answer import message_of
from gateway.surfaces.messages_request import to_chat
from gateway.surfaces.messages_stream import MessageEncoder
from gateway.surfaces.messages_thinking import ThinkingSeal


class MessagesSurface(ChatSurface):
    """
    Args:
        pepper: the deployment's secret; signs thinking blocks.
    """

    name = "messages"
    request_id_header = b"request-id"

    def __init__(self, pepper: bytes) -> None:
        self._seal = ThinkingSeal(pepper)

    def read(self, raw: bytes, limits: LimitSettings) -> dict[str, Any]:
        return check_chat_body(to_chat(decode_object(raw)), limits.max_messages)

    async def expand(self, exchange: Exchange) -> None:
        """Thinking of earlier turns that this tenant got from here goes back to the model."""
        tenant = exchange.authenticated[0].tenant
        for message in exchange.body["messages"]:
            if "thinking_blocks" in message:
                self._seal.admit(tenant, message)

    def stream(self, exchange: Exchange, judge: Judge | None, guard: OutputGuard) -> AnswerEvents:
        return AnswerStream(exchange, judge, guard, sequential=True)

    def shape(self, exchange: Exchange, answer: bytes) -> bytes:
        return message_of(exchange, answer, self._seal)

    def encoder(self, exchange: Exchange) -> Encoder:
        return MessageEncoder(exchange, self._seal)

    def error(self, error: HttpError) -> bytes:
        return messages_error(error)
