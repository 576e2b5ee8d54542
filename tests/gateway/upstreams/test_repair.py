"""Answers put right: plain and streamed alike, for every cut; the others pass untouched."""

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.upstreams.base import UpstreamRequest
from gateway.upstreams.repair import RepairedReply, Repairs

TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}
CALL = (
    '<｜DSML｜tool_calls>\n<｜DSML｜invoke name="f">\n'
    '<｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter>\n'
    "</｜DSML｜invoke>\n</｜DSML｜tool_calls>"
)
ARGUMENTS = '{"city": "Paris"}'


class Given:
    """A reply that holds what it was given (``Reply``)."""

    has_next = False

    def __init__(self, *events: bytes) -> None:
        self.complete = False
        self.closed = self.ended = False
        self._events = events

    async def read(self) -> bytes:
        self.complete = True
        return b"".join(self._events)

    async def events(self) -> AsyncIterator[bytes]:
        try:
            for event in self._events:
                yield event
            self.complete = True
        finally:
            self.ended = True

    async def aclose(self) -> None:
        self.closed = True


def request(*, tools: bool = True, thinking: bool | None = None, **body: Any) -> UpstreamRequest:
    body = {"model": "m", "messages": [], **({"tools": [TOOL]} if tools else {}), **body}
    return UpstreamRequest(body, True, "", "r", thinking=thinking)


def event(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish, **more}
    return json.dumps({"id": "c", "object": "chat.completion.chunk", "choices": [choice]}).encode()


def answer(message: dict[str, Any], finish: str = "stop") -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json.dumps({"id": "c", "choices": [choice]}).encode()


def streamed(repairs: Repairs, asked: UpstreamRequest, *events: bytes) -> list[bytes]:
    async def read() -> list[bytes]:
        return [item async for item in repairs.of(Given(*events), asked).events()]

    return asyncio.run(read())


def whole(repairs: Repairs, asked: UpstreamRequest, raw: bytes) -> bytes:
    return asyncio.run(repairs.of(Given(raw), asked).read())


def choice_of(raw: bytes) -> dict[str, Any]:
    return json.loads(raw)["choices"][0]


def put_together(events: list[bytes], index: int = 0) -> dict[str, Any]:
    """What a client makes of the events of one choice."""
    out: dict[str, Any] = {"content": "", "reasoning_content": "", "calls": [], "finish": None}
    for data in events:
        for choice in json.loads(data)["choices"]:
            if choice["index"] != index:
                continue
            delta = choice["delta"]
            for name in ("content", "reasoning_content"):
                out[name] += delta.get(name) or ""
            for call in delta.get("tool_calls") or ():
                if call["index"] == len(out["calls"]):
                    assert call["id"].startswith("call_")
                    assert call["type"] == "function"
                    out["calls"].append([call["function"]["name"], ""])
                out["calls"][call["index"]][1] += call["function"].get("arguments") or ""
            out["finish"] = choice["finish_reason"] or out["finish"]
    return out


DSML = Repairs(names=False, kinds=["dsml"])
THINK = Repairs(names=False, kinds=["think"])
OPEN = Repairs(names=False, kinds=["open-think"])
BOTH = Repairs(names=False, kinds=["dsml", "think"])
NAMES = Repairs(names=True, kinds=[])


def test_a_whole_answer_gets_its_call_back() -> None:
    choice = choice_of(whole(DSML, request(), answer({"content": "I look." + CALL})))

    (call,) = choice["message"]["tool_calls"]
    assert set(call) == {"id", "type", "function"}
    assert call["function"] == {"name": "f", "arguments": ARGUMENTS}
    assert choice["message"]["content"] == "I look."
    assert choice["finish_reason"] == "tool_calls"


def test_content_that_was_but_a_call_is_null() -> None:
    assert (
        choice_of(whole(DSML, request(), answer({"content": CALL})))["message"]["content"] is None
    )


def test_a_call_within_the_reasoning_is_found() -> None:
    message = choice_of(
        whole(DSML, request(), answer({"content": "", "reasoning_content": "Hm. " + CALL}))
    )["message"]

    assert message["reasoning_content"] == "Hm. "
    assert message["tool_calls"][0]["function"]["name"] == "f"


def test_found_calls_come_after_the_upstreams_own() -> None:
    own = {"id": "x", "type": "function", "function": {"name": "g", "arguments": "{}"}}
    raw = answer({"content": CALL, "tool_calls": [own]}, "tool_calls")

    calls = choice_of(whole(DSML, request(), raw))["message"]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == ["g", "f"]


@pytest.mark.parametrize(
    "raw",
    [
        answer({"content": "Nothing wrong here."}),
        answer({"content": "a < b, and <b>bold</b>, even <｜DSML"}),
        answer({"content": None, "tool_calls": [{"id": "x", "function": {"name": "f"}}]}),
        b'{"choices": [ {"message": {"content": "spaced"}} ] }',
        b"no json <",
        b'["<"]',
        b'{"choices": "<"}',
        b'{"error": {"message": "<"}}',
    ],
)
@pytest.mark.parametrize("repairs", [DSML, THINK, BOTH, NAMES])
def test_what_needs_nothing_passes_byte_for_byte(repairs: Repairs, raw: bytes) -> None:
    assert whole(repairs, request(), raw) == raw


@pytest.mark.parametrize("repairs", [DSML, THINK, BOTH, NAMES])
def test_a_stream_that_needs_nothing_passes_byte_for_byte(repairs: Repairs) -> None:
    events = [
        event({"role": "assistant", "content": ""}),
        event({"content": "So a"}),
        event({"content": " & b > c"}),
        event({"content": " or <b>"}, logprobs={"content": []}),
        event({}, "stop"),
        b'{"choices": [], "usage": {"prompt_tokens": 1}}',
    ]

    assert streamed(repairs, request(), *events) == events


def test_without_tools_markup_is_text() -> None:
    raw = answer({"content": CALL})
    reply = Given(raw)

    assert DSML.of(reply, request(tools=False)) is reply


def test_other_endpoints_are_not_wrapped() -> None:
    reply, asked = Given(), UpstreamRequest({}, False, "", "r", endpoint="/embeddings")

    assert Repairs(names=True, kinds=["dsml", "think"]).of(reply, asked) is reply


TEXT = "Let me see.\n" + CALL + "\nDone."
EXPECTED = {
    "content": "Let me see.\nDone.",
    "reasoning_content": "",
    "calls": [["f", ARGUMENTS]],
    "finish": "tool_calls",
}


def test_every_cut_of_a_stream_gives_the_same() -> None:
    for at in range(len(TEXT) + 1):
        pieces = [event({"content": TEXT[:at]}), event({"content": TEXT[at:]}), event({}, "stop")]
        assert put_together(streamed(DSML, request(), *pieces)) == EXPECTED, at


@pytest.mark.parametrize("seed", range(20))
def test_many_cuts_with_the_end_in_the_last_piece(seed: int) -> None:
    generator = random.Random(seed)
    cuts = sorted(generator.sample(range(1, len(TEXT)), 12))
    parts = [TEXT[a:b] for a, b in itertools.pairwise([0, *cuts, len(TEXT)])]
    events = [event({"content": part}) for part in parts[:-1]]
    events.append(event({"content": parts[-1]}, "stop"))

    assert put_together(streamed(DSML, request(), *events)) == EXPECTED


def test_escaped_brackets_are_seen() -> None:
    """Some servers write ``<`` as ``\\u003c``."""
    events = [
        event({"content": TEXT}).replace(b"<", b"\\u003c"),
        event({}, "stop"),
    ]

    assert put_together(streamed(DSML, request(), *events)) == EXPECTED


def test_calls_of_several_choices_do_not_mix() -> None:
    other = CALL.replace("Paris", "Rome")
    events = []
    for a, b in zip(
        [CALL[i : i + 7] for i in range(0, len(CALL), 7)],
        [other[i : i + 7] for i in range(0, len(CALL), 7)],
        strict=True,
    ):
        events += [event({"content": a}), event({"content": b}, index=1)]
    events += [event({}, "stop"), event({}, "stop", index=1)]
    out = streamed(DSML, request(n=2), *events)

    assert put_together(out)["calls"] == [["f", ARGUMENTS]]
    assert put_together(out, 1)["calls"] == [["f", ARGUMENTS.replace("Paris", "Rome")]]


def test_the_upstreams_own_call_after_a_found_one_is_numbered_anew() -> None:
    own = {"index": 0, "id": "call_x", "type": "function", "function": {"name": "g"}}
    events = [
        event({"content": CALL}),
        event({"tool_calls": [own]}),
        event({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
        event({}, "tool_calls"),
    ]

    assert put_together(streamed(DSML, request(), *events))["calls"] == [
        ["f", ARGUMENTS],
        ["g", "{}"],
    ]


def test_a_call_that_the_limit_cut_is_not_made_whole() -> None:
    for last in (event({}, "length"), None):
        events = [event({"content": CALL.split("ris")[0]}), *([last] if last else [])]
        result = put_together(streamed(DSML, request(), *events))

        assert result["calls"] == [["f", '{"city": "Pa']]
        assert result["finish"] == ("length" if last else None)


def test_what_was_held_comes_out_when_the_stream_just_ends() -> None:
    out = streamed(DSML, request(), event({"content": "a <"}))

    assert put_together(out)["content"] == "a <"
    assert json.loads(out[-1])["id"] == "c"


def test_logprobs_of_a_text_that_changed_are_left_out() -> None:
    out = streamed(
        DSML, request(), event({"content": TEXT}, logprobs={"content": [{"token": "x"}]})
    )

    assert json.loads(out[0])["choices"][0]["logprobs"] is None


THOUGHT = "<think>\nI think < so.</think>\n\nThe <b>answer</b>, </think> too."
SPLIT = {
    "content": "The <b>answer</b>, </think> too.",
    "reasoning_content": "I think < so.",
    "calls": [],
    "finish": "stop",
}


def test_thinking_is_told_from_the_answer_for_every_cut() -> None:
    message = choice_of(whole(THINK, request(), answer({"content": THOUGHT})))["message"]
    assert message["content"] == SPLIT["content"]
    assert message["reasoning_content"] == SPLIT["reasoning_content"]
    for at in range(len(THOUGHT) + 1):
        for lead in ("", " \n"):
            events = [
                event({"content": lead + THOUGHT[:at]}),
                event({"content": THOUGHT[at:]}),
                event({}, "stop"),
            ]
            assert put_together(streamed(THINK, request(tools=False), *events)) == SPLIT, at


@pytest.mark.parametrize("opened", [True, False])
def test_thinking_that_the_prompt_opened(opened: bool) -> None:
    text = THOUGHT if opened else THOUGHT.removeprefix("<think>")
    for at in range(len(text) + 1):
        events = [event({"content": text[:at]}), event({"content": text[at:]}), event({}, "stop")]
        assert put_together(streamed(OPEN, request(thinking=True), *events)) == SPLIT
    message = choice_of(whole(OPEN, request(thinking=True), answer({"content": text})))["message"]
    assert message["reasoning_content"] == SPLIT["reasoning_content"]


def test_an_answer_without_thinking_stays_whole() -> None:
    raw = answer({"content": "Just an answer."})

    assert whole(OPEN, request(thinking=False), raw) == raw
    assert whole(OPEN, request(thinking=True), raw) == raw, "no tag ended the thinking"
    cut = choice_of(whole(OPEN, request(thinking=True), answer({"content": "So I"}, "length")))
    assert cut["message"]["reasoning_content"] == "So I"


def test_a_tag_later_in_the_answer_is_text() -> None:
    events = [event({"content": "Write "}), event({"content": "<think>x</think>"})]

    assert streamed(THINK, request(), *events) == events


def test_a_call_opened_within_the_thinking() -> None:
    text = "<think>Hm.\n" + CALL + "</think>"
    for at in range(len(text) + 1):
        events = [event({"content": text[:at]}), event({"content": text[at:]}), event({}, "stop")]
        assert put_together(streamed(BOTH, request(), *events)) == {
            "content": "",
            "reasoning_content": "Hm.\n",
            "calls": [["f", ARGUMENTS]],
            "finish": "tool_calls",
        }, at


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"reasoning": "r", "content": "c"}, {"reasoning_content": "r", "content": "c"}),
        ({"thinking": "r"}, {"reasoning_content": "r"}),
        ({"reasoning": "r", "reasoning_content": "r"}, {"reasoning_content": "r"}),
        ({"reasoning": "r", "reasoning_details": [{"type": "reasoning.text", "text": "r"}]},
         {"reasoning_content": "r",
          "reasoning_details": [{"type": "reasoning.text", "text": "r"}]}),
        ({"thinking_blocks": [{"type": "thinking", "thinking": "r", "signature": "s"}]},
         {"reasoning_content": "r",
          "thinking_blocks": [{"type": "thinking", "thinking": "r", "signature": "s"}]}),
    ],
)  # fmt: skip
def test_reasoning_gets_its_one_name(given: dict[str, Any], expected: dict[str, Any]) -> None:
    message = choice_of(whole(NAMES, request(), answer(given)))["message"]
    assert message == {"role": "assistant", **expected}
    (out,) = streamed(NAMES, request(), event(given))
    assert json.loads(out)["choices"][0]["delta"] == expected


def test_the_reply_is_the_upstreams_in_all_else() -> None:
    async def read() -> None:
        inner = Given(event({"content": "a"}))
        reply = DSML.of(inner, request())
        assert isinstance(reply, RepairedReply)
        assert not reply.complete
        assert [item async for item in reply.events()]
        assert reply.complete
        await reply.aclose()
        assert inner.closed

    asyncio.run(read())


def test_who_stops_reading_stops_the_upstreams_events() -> None:
    async def read() -> None:
        inner = Given(event({"content": "a"}), event({"content": "b"}))
        events = DSML.of(inner, request()).events()
        await anext(events)
        await events.aclose()  # type: ignore[attr-defined]
        assert inner.ended

    asyncio.run(read())
