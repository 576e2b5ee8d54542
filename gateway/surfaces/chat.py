"""``/v1/chat/completions``: the endpoint's own shape, so answers pass as they are."""

from typing import Any

import msgspec

from gateway.errors import InvalidRequest
from gateway.exchange import Exchange
from gateway.http.errors import HttpError
from gateway.http.sse import DONE, encode_event
from gateway.pipeline.answer import AnswerStream, inspect_answer
from gateway.pipeline.answer_judge import Judge
from gateway.pipeline.answer_text import OutputGuard
from gateway.settings import LimitSettings
from gateway.surfaces.base import AnswerEvents, Encoder, Surface
from gateway.surfaces.checks import check_model, check_stream, decode_object, integer


class ChatSurface(Surface):
    """Chat completions; surfaces that ask a chat endpoint build on it."""

    name = "chat.completions"

    def read(self, raw: bytes, limits: LimitSettings) -> dict[str, Any]:
        return check_chat_body(decode_object(raw), limits.max_messages)

    def output_tokens(self, body: dict[str, Any], limits: LimitSettings) -> int:
        given = [
            limit
            for name in ("max_tokens", "max_completion_tokens")
            if (limit := integer(body, name, 1)) is not None
        ]
        if not given:
            body["max_tokens"] = limits.max_output_tokens
            given = [limits.max_output_tokens]
        return max(given) * (integer(body, "n", 1) or 1)

    def inspect(
        self, exchange: Exchange, raw: bytes, judge: Judge | None, guard: OutputGuard
    ) -> bytes:
        return inspect_answer(exchange, raw, judge, guard)

    def stream(self, exchange: Exchange, judge: Judge | None, guard: OutputGuard) -> AnswerEvents:
        return AnswerStream(exchange, judge, guard)

    def shape(self, exchange: Exchange, answer: bytes) -> bytes:
        field = _reasoning_field(exchange)
        return answer if field == "reasoning_content" else with_reasoning(answer, field)

    def encoder(self, exchange: Exchange) -> Encoder:
        field = _reasoning_field(exchange)
        return EventEncoder() if field == "reasoning_content" else RenamingEncoder(field)


class EventEncoder:
    """Events as they are, ``[DONE]`` at the end."""

    def events(self, events: list[bytes]) -> bytes:
        if len(events) == 1:
            return encode_event(events[0])
        return b"".join(map(encode_event, events))

    def end(self) -> bytes:
        return encode_event(DONE)

    def error(self, error: HttpError) -> bytes:
        return encode_event(error.body())


class RenamingEncoder(EventEncoder):
    """For clients that look for reasoning under another name."""

    def __init__(self, field: str) -> None:
        self._field = field

    def events(self, events: list[bytes]) -> bytes:
        return super().events([with_reasoning(event, self._field) for event in events])


def with_reasoning(answer: bytes, field: str) -> bytes:
    """An answer or event whose reasoning stands under ``field``: ``reasoning`` or ``both``."""
    if answer.find(b'"reasoning_content"') < 0:
        return answer
    value = msgspec.json.decode(answer)
    for choice in value.get("choices") or ():
        for node in (choice.get("message"), choice.get("delta")):
            if isinstance(node, dict) and "reasoning_content" in node:
                node["reasoning"] = node["reasoning_content"]
                if field == "reasoning":
                    del node["reasoning_content"]
    return msgspec.json.encode(value)


def _reasoning_field(exchange: Exchange) -> str:
    return "reasoning_content" if exchange.policy is None else exchange.policy.reasoning_field


def check_chat_body(body: dict[str, Any], max_messages: int) -> dict[str, Any]:
    """Check what the gateway relies on.

    Raises:
        InvalidRequest: ``model`` or ``messages`` is missing or wrong; ``param`` names it.
    """
    check_model(body)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidRequest(
            "`messages` must be a list with at least one message.", param="messages"
        )
    if len(messages) > max_messages:
        raise InvalidRequest(
            f"`messages` holds more than {max_messages} messages; drop the oldest.",
            param="messages",
        )
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise InvalidRequest(
                "Each message must be an object with a `role`.", param=f"messages[{index}]"
            )
    check_stream(body)
    return body
