"""Events and whole messages: their order, their blocks, and the same text for every cut."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from gateway.errors import UpstreamInvalidReply, UpstreamTimeout
from gateway.exchange import Exchange, Timing
from gateway.http.connection import Connection
from gateway.http.errors import http_error
from gateway.pipeline.answer_text import OutputGuard
from gateway.settings import PiiPolicy, PolicySettings
from gateway.surfaces import MessagesSurface
from gateway.surfaces.messages_thinking import ThinkingSeal
from gateway.tenants.keys import Principal
from gateway.tenants.limits import Limits
from guardrails.pii import MaskScope, PiiEngine
from guardrails.types import Span

PEPPER = b"p" * 32
SURFACE = MessagesSurface(PEPPER)
SEAL = ThinkingSeal(PEPPER)
NAME, ADDRESS = 'Greta "Gigi" Vogel', "greta.vogel@example.com"
REQUEST = f"I am {NAME}, {ADDRESS}."
SAID = "Hello [PERSON_1], not [PERSON_9]; **[EMAIL_ADDRESS_1]** é 😀 [PERSON_"
TOLD = f"Hello {NAME}, not [PERSON_9]; **{ADDRESS}** é 😀 [PERSON_"
DOCUMENT = '{"to": ["[PERSON_1]", "\\u005bEMAIL_ADDRESS_1\\u005d"], "half": "[PERSON_"}'
MEANT = {"to": [NAME, ADDRESS], "half": "[PERSON_"}
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 20},
}
CUTS = 3_000
REDACTED_CUTS = 300


async def _receive() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def _send(_message: Any) -> None:
    """Nobody listens."""


def exchange(output: str = "allow", *, masks: bool = True, tenant: str = "acme") -> Exchange:
    connection = Connection({"headers": []}, _receive, _send)
    made = Exchange("req_1", SURFACE, connection, datetime.now(UTC), Timing(0.0))
    made.principal = Principal(
        tenant, "prj", "key", "app", "default", Limits(), Limits(), True, None
    )
    made.policy = PolicySettings(pii=PiiPolicy.model_validate({"output": output}))
    made.raw_usage = USAGE
    if masks:
        spans = [
            Span(REQUEST.index(value), REQUEST.index(value) + len(value), kind, 1.0, "test@1")
            for value, kind in ((NAME, "PERSON"), (ADDRESS, "EMAIL_ADDRESS"))
        ]
        made.scope = MaskScope([REQUEST])
        made.scope.mask_all([REQUEST], [spans])
    return made


def parsed(raw: bytes) -> list[dict[str, Any]]:
    """The events; each must name its type."""
    events = []
    for block in raw.decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


def streamed(
    deltas: list[dict[str, Any]],
    *,
    of: Exchange | None = None,
    engine: PiiEngine | None = None,
    finish: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    made = of or exchange()
    stream = SURFACE.stream(made, None, OutputGuard(made, engine))
    encoder = SURFACE.encoder(made)
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, **(finish or {"finish_reason": "stop"})})
    out = b""
    for choice in choices:
        event = {"id": "c", "model": "m", "choices": [choice]}
        out += encoder.events(stream.feed(msgspec.json.encode(event)))
        if stream.blocked:
            break
    return parsed(out + encoder.events(stream.finish()) + encoder.end())


def blocks(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks as a client puts them together; their events must come one block at a time."""
    found: list[dict[str, Any]] = []
    is_open = False
    for event in events:
        kind = event["type"]
        if kind == "content_block_start":
            assert not is_open
            assert event["index"] == len(found)
            found.append({**event["content_block"], "json": ""})
            is_open = True
        elif kind == "content_block_delta":
            assert is_open
            assert event["index"] == len(found) - 1
            _apply(found[-1], event["delta"])
        elif kind == "content_block_stop":
            assert event["index"] == len(found) - 1
            is_open = False
    assert not is_open
    return found


def _apply(block: dict[str, Any], delta: dict[str, Any]) -> None:
    kind = delta["type"].removesuffix("_delta")
    if kind == "input_json":
        block["json"] += delta["partial_json"]
    elif kind == "signature":
        block["signature"] = delta["signature"]
    else:
        block[kind] += delta[kind]


def whole(message: dict[str, Any], finish: str = "stop", of: Exchange | None = None) -> Any:
    made = of or exchange()
    choice = {"index": 0, "message": message, "finish_reason": finish}
    raw = msgspec.json.encode({"id": "c", "model": "m", "choices": [choice], "usage": USAGE})
    answer = SURFACE.inspect(made, raw, None, OutputGuard(made))
    return json.loads(SURFACE.shape(made, answer))


def call(index: int, arguments: str, **head: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": "look"} if head else {})
    return {"tool_calls": [{"index": index, **head, "function": function}]}


def _cut(text: str, generator: random.Random) -> list[str]:
    bounds = sorted(generator.sample(range(1, len(text)), generator.choice((0, 1, 2, 5, 9))))
    return [text[start:end] for start, end in pairwise([0, *bounds, len(text)])]


def _deltas(generator: random.Random) -> Iterator[dict[str, Any]]:
    """Thinking, text and two calls; where one ends the next may begin in the same event."""
    parts: list[list[dict[str, Any]]] = [
        [{"reasoning_content": piece} for piece in _cut(SAID, generator)],
        [{"content": piece} for piece in _cut(SAID, generator)],
    ]
    for index in range(2):
        begun = call(index, "", id=f"call_{index}")
        parts.append([begun, *(call(index, piece) for piece in _cut(DOCUMENT, generator))])
    for part, after in pairwise([*parts, []]):
        if after and generator.random() < 0.5:
            last, first = part.pop(), after.pop(0)
            joint = last | first
            if "tool_calls" in joint:
                joint["tool_calls"] = [*last.get("tool_calls", ()), *first["tool_calls"]]
            after.insert(0, joint)
        yield from part


def test_any_cut_gives_the_same_blocks() -> None:
    generator = random.Random(20261128)
    made = exchange()
    for _ in range(CUTS):
        thinking, text, *calls = blocks(streamed(list(_deltas(generator)), of=made))
        assert thinking["thinking"] == TOLD
        assert thinking["signature"] == SEAL.sign("acme", TOLD)
        assert text["text"] == TOLD
        assert [json.loads(item["json"]) for item in calls] == [MEANT, MEANT]
        assert [item["id"] for item in calls] == ["call_0", "call_1"]


def test_any_cut_is_redacted_alike() -> None:
    engine = PiiEngine.load(ner="none")
    generator = random.Random(3)
    made = exchange("redact")
    deltas = [
        {"reasoning_content": "Hm, nobody@example.org, [PERSON_1]"},
        {"content": "Ask nobody@example.org or [PERSON_1]"},
    ]
    expected = [f"Hm, [EMAIL_ADDRESS], {NAME}", f"Ask [EMAIL_ADDRESS] or {NAME}"]
    for _ in range(REDACTED_CUTS):
        cut = [
            {name: piece}
            for delta in deltas
            for name, text in delta.items()
            for piece in _cut(text, generator)
        ]
        thinking, text = blocks(streamed(cut, of=made, engine=engine))
        assert [thinking["thinking"], text["text"]] == expected


def test_the_sequence_of_a_plain_answer() -> None:
    events = streamed([{"role": "assistant", "content": ""}, {"content": "Hello"}])
    assert [event["type"] for event in events] == [
        "message_start", "ping", "content_block_start", "content_block_delta",
        "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    message = events[0]["message"]
    assert (message["id"], message["model"], message["stop_reason"]) == ("msg_1", "m", None)
    assert events[-2]["delta"]["stop_reason"] == "end_turn"
    assert events[-2]["usage"] == {
        "input_tokens": 30, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 60,
        "output_tokens": 50, "output_tokens_details": {"thinking_tokens": 20},
        "server_tool_use": None,
    }  # fmt: skip


def test_nothing_said_is_a_message_all_the_same() -> None:
    made = exchange()
    assert [event["type"] for event in parsed(SURFACE.encoder(made).end())] == [
        "message_start", "ping", "message_delta", "message_stop",
    ]  # fmt: skip


def test_text_again_after_a_call_is_a_block_of_its_own() -> None:
    deltas = [
        {"content": "I look at [PERS"}, call(0, "{}", id="a"), {"content": "Done, [PERSON_1]"},
    ]  # fmt: skip
    first, used, last = blocks(streamed(deltas))
    assert (first["text"], used["name"], last["text"]) == (
        "I look at [PERS",
        "look",
        f"Done, {NAME}",
    )


def test_calls_that_are_mixed_up_are_refused() -> None:
    deltas = [call(0, "{", id="a"), call(1, "{", id="b"), call(0, "}")]
    with pytest.raises(UpstreamInvalidReply):
        streamed(deltas)


@pytest.mark.parametrize(
    ("finish", "called", "reason"),
    [
        ("stop", False, "end_turn"),
        ("length", False, "max_tokens"),
        ("tool_calls", True, "tool_use"),
        ("stop", True, "tool_use"),
        ("content_filter", False, "refusal"),
        ("abort", False, "end_turn"),
    ],
)
def test_reasons(finish: str, called: bool, reason: str) -> None:
    said = call(0, "{}", id="a") if called else {"content": "Hello"}
    events = streamed([said], finish={"finish_reason": finish})
    assert events[-2]["delta"]["stop_reason"] == reason
    message = whole(said, finish)
    assert message["stop_reason"] == reason
    assert (message["stop_details"] is not None) == (reason == "refusal")


@pytest.mark.parametrize("name", ["stop_reason", "matched_stop"])
def test_the_sequence_that_was_met(name: str) -> None:
    """It was masked with the rest of the request, and is the client's own again."""
    made = exchange()
    made.body = {"stop": ["END", "[PERSON_1]"]}
    finish = {"finish_reason": "stop", name: "[PERSON_1]"}
    delta = streamed([{"content": "Hello"}], of=made, finish=finish)[-2]["delta"]
    assert (delta["stop_reason"], delta["stop_sequence"]) == ("stop_sequence", NAME)
    finish[name] = "other"
    delta = streamed([{"content": "Hello"}], of=made, finish=finish)[-2]["delta"]
    assert (delta["stop_reason"], delta["stop_sequence"]) == ("end_turn", None)


def test_a_whole_answer() -> None:
    calls = [{"id": "call_1", "function": {"name": "look", "arguments": DOCUMENT}}]
    message = whole({"content": SAID, "reasoning_content": SAID, "tool_calls": calls})
    thinking, text, used = message["content"]
    assert thinking == {
        "type": "thinking", "thinking": TOLD, "signature": SEAL.sign("acme", TOLD),
    }  # fmt: skip
    assert text == {"type": "text", "text": TOLD, "citations": None}
    assert (used["input"], used["name"], used["id"]) == (MEANT, "look", "call_1")
    assert message["usage"]["cache_read_input_tokens"] == 60


@pytest.mark.parametrize("arguments", ['{"city": "Os', "[1]", "null"])
def test_arguments_that_are_no_object(arguments: str) -> None:
    calls = [{"id": "call_1", "function": {"name": "look", "arguments": arguments}}]
    message = whole({"content": None, "tool_calls": calls}, "length")
    assert message["content"][0]["input"] == {"INVALID_JSON": arguments}
    assert message["stop_reason"] == "max_tokens"


def test_refusals_and_parts() -> None:
    message = whole({"content": None, "refusal": "No."})
    assert (message["content"][0]["text"], message["stop_reason"]) == ("No.", "refusal")
    message = whole(
        {"content": [{"type": "text", "text": "One "}, {"type": "text", "text": "two"}]}
    )
    assert message["content"][0]["text"] == "One two"


def test_an_upstreams_own_signatures_come_along() -> None:
    deltas = [
        {"reasoning_content": "Hm [PER", "thinking_blocks": [{"type": "thinking", "thinking": ""}]},
        {"reasoning_content": "SON_1]"},
        {"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "abc"}]},
        {"thinking_blocks": [{"type": "redacted_thinking", "data": "xyz"}]},
        {"content": "Hello"},
    ]
    thinking, hidden, text = blocks(streamed(deltas))
    assert thinking["thinking"] == f"Hm {NAME}"
    assert SEAL.open("acme", f"Hm {NAME}", thinking["signature"]) == "abc"
    assert SEAL.open("acme", "", hidden["data"]) == "xyz"
    assert text["text"] == "Hello"


def test_a_failure_ends_in_an_error_event() -> None:
    error = replace(http_error(UpstreamTimeout("Too slow.")), request_id="req_1")
    (event,) = parsed(SURFACE.encoder(exchange()).error(error))
    assert event["error"]["type"] == "timeout_error"
    assert event["error"]["code"] == "upstream_timeout"
    assert event["request_id"] == "req_1"


def test_a_blocked_answer_is_refused() -> None:
    engine = PiiEngine.load(ner="none")
    events = streamed(
        [{"content": "Write to nobody@"}, {"content": "example.org, or to me"}],
        of=exchange("block"),
        engine=engine,
    )
    assert "nobody" not in json.dumps(events)
    assert events[-2]["delta"]["stop_reason"] == "refusal"
    assert events[-1]["type"] == "message_stop"
