"""Events and whole responses: their order, their items, and the same text for every cut."""

import json
import random
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from billing import Usage
from gateway.errors import UpstreamTimeout
from gateway.exchange import Exchange, Timing
from gateway.http.connection import Connection
from gateway.http.errors import http_error
from gateway.pipeline.answer import AnswerStream
from gateway.pipeline.answer_text import OutputGuard
from gateway.settings import PiiPolicy, PolicySettings
from gateway.surfaces import ChatSurface
from gateway.surfaces.responses_request import Asked
from gateway.surfaces.responses_stream import ResponseEvents
from gateway.surfaces.responses_turn import Turn
from guardrails.pii import MaskScope
from guardrails.types import Span

NAME, ADDRESS = 'Greta "Gigi" Vogel', "greta.vogel@example.com"
REQUEST = f"I am {NAME}, {ADDRESS}."
SAID = "Hello [PERSON_1], not [PERSON_9]; **[EMAIL_ADDRESS_1]** é 😀 [PERSON_"
TOLD = f"Hello {NAME}, not [PERSON_9]; **{ADDRESS}** é 😀 [PERSON_"
DOCUMENT = '{"to": ["[PERSON_1]", "\\u005bEMAIL_ADDRESS_1\\u005d"], "half": "[PERSON_"}'
MEANT = {"to": [NAME, ADDRESS], "half": "[PERSON_"}
CUTS = 400
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


async def _receive() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def _send(_message: Any) -> None:
    """Nobody listens."""


def exchange() -> Exchange:
    connection = Connection({"headers": []}, _receive, _send)
    made = Exchange("req_1", ChatSurface(), connection, datetime.now(UTC), Timing(0.0))
    made.policy = PolicySettings(pii=PiiPolicy())
    spans = [
        Span(REQUEST.index(value), REQUEST.index(value) + len(value), kind, 1.0, "test@1")
        for value, kind in ((NAME, "PERSON"), (ADDRESS, "EMAIL_ADDRESS"))
    ]
    made.scope = MaskScope([REQUEST])
    made.scope.mask_all([REQUEST], [spans])
    return made


def parsed(raw: bytes) -> list[dict[str, Any]]:
    """The events: each names its type, is numbered, and is one that the SDK knows."""
    events = []
    for block in raw.decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert event["sequence_number"] == len(events)
        assert EVENT.validate_python(event).type == event["type"]
        events.append(event)
    return events


def streamed(
    deltas: list[dict[str, Any]], *, finish: str | None = "stop", **asked: Any
) -> list[dict[str, Any]]:
    made, turn = exchange(), Turn(Asked(model="m", input="Hello", **asked), datetime.now(UTC))
    stream = AnswerStream(made, None, OutputGuard(made), sequential=True)
    encoder = ResponseEvents(turn)
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta} for delta in deltas]
    if finish is not None:
        choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    out = b""
    for choice in choices:
        event = {"id": "c", "model": "m", "choices": [choice]}
        out += encoder.events(stream.feed(msgspec.json.encode(event)))
    out += encoder.events(stream.finish()) + encoder.end()
    turn.close(Usage(input_tokens=3, output_tokens=2, reasoning_tokens=1), datetime.now(UTC))
    return parsed(out + encoder.last())


def gathered(events: list[dict[str, Any]]) -> list[Any]:
    """The output as a client puts it together from deltas; items must follow each other."""
    found: list[Any] = []
    opened: str | None = None
    for event in events:
        kind = event["type"]
        if kind == "response.output_item.added":
            assert opened is None
            opened = event["item"]["id"]
            found.append("")
            assert event["output_index"] == len(found) - 1
        elif kind.endswith(".delta"):
            assert event["item_id"] == opened
            found[-1] += event["delta"]
        elif kind == "response.output_item.done":
            assert event["item"]["id"] == opened
            opened = None
    assert opened is None
    return found


def texts(output: list[dict[str, Any]]) -> list[str]:
    """The same of the finished items."""
    found = []
    for item in output:
        if item["type"] == "function_call":
            found.append(item["arguments"])
        else:
            part = ([*item.get("summary", ()), *item.get("content", ())])[0]
            found.append(part.get("text", part.get("refusal")))
    return found


def pieces(text: str, generator: random.Random) -> list[str]:
    count = min(len(text) - 1, generator.choice((0, 1, 2, 3, 5, 9)))
    bounds = [0, *sorted(generator.sample(range(1, len(text)), count)), len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


def cut_up(generator: random.Random) -> list[dict[str, Any]]:
    """Reasoning, text and two calls, as a server sends them."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    name = generator.choice(("reasoning", "reasoning_content"))
    deltas += [{name: piece} for piece in pieces(SAID, generator)]
    deltas += [{"content": piece} for piece in pieces(SAID, generator)]
    for index in (0, 1):
        head = {"name": "send", "arguments": ""}
        call = {"index": index, "id": f"call_{index}", "type": "function", "function": head}
        deltas.append({"tool_calls": [call]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in pieces(DOCUMENT, generator)
        ]
    return deltas


def test_every_cut_gives_the_same_items() -> None:
    generator = random.Random(7)
    for number in range(CUTS):
        events = streamed(
            cut_up(generator),
            finish=generator.choice(("tool_calls", None)),
            reasoning={"summary": "auto"} if number % 2 else None,
        )
        said = gathered(events)
        assert said[:2] == [TOLD, TOLD]
        assert [json.loads(text) for text in said[2:]] == [MEANT, MEANT]
        output = events[-1]["response"]["output"]
        assert texts(output) == said
        assert [item.get("call_id") for item in output[2:]] == ["call_0", "call_1"]


def test_a_text_comes_as_openai_sends_it() -> None:
    events = streamed([{"content": "Hello"}, {"content": " there"}])
    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert events[2]["item"]["status"] == "in_progress"
    assert events[2]["item"]["content"] == []
    assert events[3]["part"] == {
        "type": "output_text", "text": "", "annotations": [], "logprobs": []
    }  # fmt: skip
    assert events[6]["text"] == events[7]["part"]["text"] == "Hello there"
    assert events[8]["item"] == events[9]["response"]["output"][0]
    assert events[8]["item"]["status"] == "completed"
    assert events[9]["response"]["usage"] == {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 6,
    }


def test_a_refusal_a_summary_and_a_call_have_events_of_their_own() -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}
    events = streamed(
        [{"reasoning_content": "Hm."}, {"refusal": "No."}, {"tool_calls": [call]}],
        reasoning={"summary": "concise"},
        finish="tool_calls",
    )
    kinds = [event["type"].removeprefix("response.") for event in events[2:-1]]
    assert kinds == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "refusal.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert texts(events[-1]["response"]["output"]) == ["Hm.", "No.", "{}"]


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
def test_an_answer_that_is_cut_is_incomplete(finish: str, reason: str) -> None:
    events = streamed([{"content": "Hel"}], finish=finish)
    assert events[-1]["type"] == "response.incomplete"
    response = events[-1]["response"]
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": reason}
    assert response["completed_at"] is None
    assert [item["status"] for item in response["output"]] == ["incomplete"]


def test_an_answer_without_a_word_is_an_empty_message() -> None:
    response = streamed([{"role": "assistant", "content": ""}])[-1]["response"]
    assert texts(response["output"]) == [""]
    assert streamed([], finish="content_filter")[-1]["response"]["output"] == []


def test_a_stream_that_breaks_off_ends_in_error_and_failed() -> None:
    turn = Turn(Asked(model="m", input="Hello"), datetime.now(UTC), store=True)
    encoder = ResponseEvents(turn)
    choice = {"index": 0, "delta": {"content": "Hel"}}
    out = encoder.events([msgspec.json.encode({"choices": [choice]})])
    events = parsed(out + encoder.error(http_error(UpstreamTimeout("Too late."))))
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    error, failed = events[-2], events[-1]["response"]
    assert (error["code"], error["message"]) == ("upstream_timeout", "Too late.")
    assert error["error"]["code"] == "upstream_timeout"  # what SDKs raise
    assert failed["status"] == "failed"
    assert failed["error"] == {"code": "server_error", "message": "Too late."}
    assert failed["store"] is False
    assert texts(failed["output"]) == ["Hel"]
    assert failed["output"][0]["status"] == "incomplete"


def test_log_probabilities_stand_beside_their_text() -> None:
    entry = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}
    turn = Turn(Asked(model="m", input="Hello", top_logprobs=1), datetime.now(UTC))
    choice = {"delta": {"content": "Hi"}, "logprobs": {"content": [entry]}}
    events = turn.output.feed(choice) + turn.output.finish()
    assert [event["logprobs"] for event in events if "logprobs" in event] == [[entry], [entry]]
    assert turn.output.items[0]["content"][0]["logprobs"] == [entry]
