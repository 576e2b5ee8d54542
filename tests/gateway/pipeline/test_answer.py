"""Answers: restored for every cut of a stream, moderated before they go out."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from gateway.errors import ContentBlocked, UpstreamError, UpstreamInvalidReply
from gateway.exchange import Exchange, Timing
from gateway.http.connection import Connection
from gateway.pipeline.answer import AnswerBlocked, AnswerStream, inspect_answer
from gateway.pipeline.answer_judge import JUDGE_EVERY
from gateway.records import usage_of
from gateway.settings import PolicySettings
from gateway.surfaces import ChatSurface
from gateway.tokens import TokenCounter
from guardrails.pii import MaskScope
from guardrails.types import Span

NAME, ADDRESS = 'Greta "Gigi" Vogel', "greta@example.com"
TEXT = f"I am {NAME}, write to {ADDRESS}."
ENVELOPE = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}


async def receive_nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def send_nowhere(_message: Any) -> None:
    """Nothing is sent: these tests look at what would be."""


@pytest.fixture
def exchange() -> Exchange:
    spans = [
        Span(5, 5 + len(NAME), "PERSON", 1.0, "test@1"),
        Span(TEXT.index(ADDRESS), TEXT.index(ADDRESS) + len(ADDRESS), "EMAIL_ADDRESS", 1.0, "t@1"),
    ]
    scope = MaskScope([TEXT])
    masked = scope.mask_all([TEXT], [spans])[0]
    assert masked == "I am [PERSON_1], write to [EMAIL_ADDRESS_1]."
    connection = Connection({"headers": []}, receive_nothing, send_nowhere)
    exchange = Exchange("req_1", ChatSurface(), connection, datetime.now(UTC), Timing(0.0))
    exchange.scope = scope
    exchange.policy = PolicySettings()
    return exchange


def event(delta: dict[str, Any], finish: str | None = None, index: int = 0) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return msgspec.json.encode({**ENVELOPE, "choices": [choice]})


def joined(events: Sequence[bytes], name: str, index: int = 0) -> str:
    text = ""
    for data in events:
        for choice in msgspec.json.decode(data)["choices"]:
            if choice["index"] != index:
                continue
            if name == "arguments":
                for call in choice["delta"].get("tool_calls", ()):
                    text += call["function"].get("arguments") or ""
            else:
                text += choice["delta"].get(name) or ""
    return text


def cut(text: str, generator: random.Random) -> list[str]:
    count = min(len(text) - 1, generator.randint(0, 12))
    bounds = [0, *sorted(generator.sample(range(1, len(text)), count)), len(text)]
    return [text[a:b] for a, b in pairwise(bounds)]


def test_every_cut_of_every_field_gives_the_same_bytes(exchange: Exchange) -> None:
    content = "Dear [PERSON_1], [EMAIL_ADDRESS_1] [PERSON_2] [person_1] [PERS end ["
    arguments = '{"to": "[EMAIL_ADDRESS_1]", "who": "[PERSON_1]"}'
    expected = f"Dear {NAME}, {ADDRESS} [PERSON_2] {NAME} [PERS end ["
    generator = random.Random(7)
    for _ in range(1000):
        stream = AnswerStream(exchange, None)
        events = [event({"role": "assistant", "content": ""})]
        parts = [("reasoning_content", piece) for piece in cut(content, generator)]
        parts += [("content", piece) for piece in cut(content, generator)]
        parts += [("arguments", piece) for piece in cut(arguments, generator)]
        for name, piece in parts:
            delta: dict[str, Any] = {name: piece}
            if name == "arguments":
                delta = {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
            events.append(event(delta))
        events.append(event({}, "stop"))
        out = [data for item in events for data in stream.feed(item)] + stream.finish()
        assert joined(out, "content") == expected
        assert joined(out, "reasoning_content") == expected
        assert msgspec.json.decode(joined(out, "arguments")) == {"to": ADDRESS, "who": NAME}


def test_choices_are_kept_apart(exchange: Exchange) -> None:
    stream = AnswerStream(exchange, None)
    out = []
    for index, piece in [(0, "[PER"), (1, "[EMAIL_ADD"), (0, "SON_1]"), (1, "RESS_1]")]:
        out += stream.feed(event({"content": piece}, index=index))
    out += stream.feed(event({}, "stop", 0)) + stream.feed(event({}, "stop", 1))
    assert joined(out, "content", 0) == NAME
    assert joined(out, "content", 1) == ADDRESS


def test_a_stream_without_finish_reason_loses_nothing(exchange: Exchange) -> None:
    stream = AnswerStream(exchange, None)
    out = stream.feed(event({"content": "see [PERSON"}))
    assert joined(out + stream.finish(), "content") == "see [PERSON"


def test_an_event_without_tokens_passes_byte_for_byte(exchange: Exchange) -> None:
    raw = b'{ "choices": [ {"index":0, "delta":{"content":"plain \\u00fc"}} ], "x": 1.50 }'
    assert AnswerStream(exchange, None).feed(raw) == [raw]


def test_usage_is_kept_and_shown_only_if_asked_for(exchange: Exchange) -> None:
    raw = msgspec.json.encode({**ENVELOPE, "choices": [], "usage": {"prompt_tokens": 3}})
    assert AnswerStream(exchange, None).feed(raw) == []
    assert exchange.raw_usage == {"prompt_tokens": 3}
    exchange.client_wants_usage = True
    assert AnswerStream(exchange, None).feed(raw) == [raw]


def test_counts_within_a_stream_are_kept_for_the_bill_and_not_shown(exchange: Exchange) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 1}
    choice = {"index": 0, "delta": {"content": "so"}, "finish_reason": None}
    raw = msgspec.json.encode({**ENVELOPE, "choices": [choice], "usage": usage})
    exchange.strip_usage = True
    (out,) = AnswerStream(exchange, None).feed(raw)
    assert msgspec.json.decode(out) == {**ENVELOPE, "choices": [choice]}
    assert exchange.raw_usage == usage
    exchange.strip_usage = False  # a client that asked for them itself
    assert AnswerStream(exchange, None).feed(raw) == [raw]


def test_a_worker_that_fails_within_a_stream_is_billed_what_it_did(exchange: Exchange) -> None:
    stream = AnswerStream(exchange, None)
    stream.feed(event({"content": "Well"}))
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "worker_seconds": "0.25"}
    failed = {"error": {"code": "engine_failed", "message": "The engine failed."}, "usage": usage}
    with pytest.raises(UpstreamError):
        stream.feed(msgspec.json.encode(failed))
    exchange.called = True
    used = usage_of(exchange, TokenCounter())
    assert used is not None
    assert (used.input_tokens, used.output_tokens) == (7, 3)
    assert used.worker_seconds == Decimal("0.25")
    assert not used.estimated


def refuse_bombs(text: str) -> None:
    if "bomb" in text:
        raise ContentBlocked("unsafe")


@pytest.mark.parametrize("size", [1, 3, 5, 16, 40, 200])
def test_an_unsafe_stream_is_stopped(exchange: Exchange, size: int) -> None:
    text = "To build it you take a large bomb and then you go on like this for a while. "
    stream = AnswerStream(exchange, refuse_bombs)
    out = []
    for start in range(0, len(text), size):
        out += stream.feed(event({"content": text[start : start + size]}))
        if stream.blocked:
            break
    assert stream.blocked
    # What is not yet due may be out: less than two judgements, and never a whole piece more.
    assert len(joined(out, "content")) <= text.index("bomb") + 4 + 2 * JUDGE_EVERY
    assert "go on" not in joined(out, "content")
    last = msgspec.json.decode(out[-1])["choices"][0]
    assert last == {"index": 0, "delta": {}, "finish_reason": "content_filter"}


def test_the_tail_of_a_stream_is_judged(exchange: Exchange) -> None:
    stream = AnswerStream(exchange, refuse_bombs)
    stream.feed(event({"content": "a bomb"}))
    stream.feed(event({}, "stop"))
    assert stream.blocked


def test_an_unsafe_answer_is_withheld(exchange: Exchange) -> None:
    message = {"role": "assistant", "content": "a bomb", "tool_calls": [{"id": "1"}]}
    raw = msgspec.json.encode({"choices": [{"index": 0, "message": message}]})
    answer = msgspec.json.decode(inspect_answer(exchange, raw, refuse_bombs))
    assert answer["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": ""},
        "finish_reason": "content_filter",
    }
    assert exchange.outcome == "blocked"


def test_a_whole_answer_is_restored(exchange: Exchange) -> None:
    message = {
        "role": "assistant",
        "content": "[PERSON_1]",
        "reasoning": "[EMAIL_ADDRESS_1]",
        "refusal": None,
        "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": '{"a":"[PERSON_1]"}'}}],
    }
    raw = msgspec.json.encode({"choices": [{"index": 0, "message": message}], "usage": None})
    choice = msgspec.json.decode(inspect_answer(exchange, raw, None))["choices"][0]["message"]
    assert (choice["content"], choice["reasoning"]) == (NAME, ADDRESS)
    assert msgspec.json.decode(choice["tool_calls"][0]["function"]["arguments"]) == {"a": NAME}


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"<html>", UpstreamInvalidReply),
        (b"[]", UpstreamInvalidReply),
        (b"{}", UpstreamInvalidReply),
        (b'{"error": {"message": "x"}}', UpstreamError),
    ],
)
def test_what_is_no_answer_is_an_error(exchange: Exchange, raw: bytes, kind: type) -> None:
    with pytest.raises(kind):
        inspect_answer(exchange, raw, None)
    with pytest.raises(kind):
        AnswerStream(exchange, None).feed(raw)


def test_json_answers_stay_json(exchange: Exchange) -> None:
    exchange.body = {"response_format": {"type": "json_object"}}
    message = {"role": "assistant", "content": '{"name": "[PERSON_1]"}'}
    raw = msgspec.json.encode({"choices": [{"index": 0, "message": message}]})
    answer = msgspec.json.decode(inspect_answer(exchange, raw, None))
    assert msgspec.json.decode(answer["choices"][0]["message"]["content"]) == {"name": NAME}
    stream = AnswerStream(exchange, None)
    out = stream.feed(event({"content": '{"name": "[PERS'})) + stream.feed(
        event({"content": 'ON_1]"}'}, "stop")
    )
    assert msgspec.json.decode(joined(out, "content")) == {"name": NAME}


@pytest.mark.parametrize("size", [3, 7, 16, 40])
def test_what_is_taken_is_what_feeding_lets_out(exchange: Exchange, size: int) -> None:
    """Events that are not taken leave no trace."""
    text = f"Well, hello [PERSON_1], the order is on its way to you. {'Take care. ' * 20}a bomb, "
    text += "or two, as was said before."
    plain, offered = (AnswerStream(exchange, refuse_bombs) for _ in range(2))
    given = [event({"role": "assistant", "content": ""})]
    given += [event({"content": text[start : start + size]}) for start in range(0, len(text), size)]
    out: tuple[list[bytes], list[bytes]] = ([], [])
    taken = 0
    for data in given:
        out[0].extend(plain.feed(data))
        try:
            if offered.take(data):
                out[1].append(data)
                taken += 1
            else:
                out[1].extend(offered.feed(data))
        except AnswerBlocked as blocked:
            out[1].append(blocked.closing)
        assert plain.blocked == offered.blocked
        if plain.blocked:
            break
    assert plain.blocked
    assert out[0] == out[1]
    assert taken > len(out[0]) // 2
