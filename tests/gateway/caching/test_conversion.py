"""A whole answer and its stream are one answer: nothing is lost on either way."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.caching.conversion import (
    Assembler,
    events_of,
    has_tool_calls,
    is_complete,
    renewed,
)

_TEXT = st.text(max_size=20)
_TOKENS = st.lists(
    st.fixed_dictionaries({"token": _TEXT, "logprob": st.floats(-9, 0)}),
    min_size=1,
    max_size=3,
)
_CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.text(min_size=1, max_size=8),
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": _TEXT, "arguments": _TEXT}),
        }
    ),
    min_size=1,
    max_size=3,
)
_MESSAGE = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.none() | _TEXT},
    optional={"reasoning_content": _TEXT, "refusal": _TEXT, "tool_calls": _CALLS},
)
_CHOICE = st.fixed_dictionaries(
    {"message": _MESSAGE, "finish_reason": st.sampled_from(["stop", "length", "tool_calls"])},
    optional={"logprobs": st.fixed_dictionaries({"content": _TOKENS}), "stop_reason": _TEXT},
)
_ANSWER = st.fixed_dictionaries(
    {
        "id": st.just("chatcmpl-1"),
        "object": st.just("chat.completion"),
        "created": st.just(1),
        "model": _TEXT.filter(bool),
        "choices": st.lists(_CHOICE, min_size=1, max_size=3),
    },
    optional={"system_fingerprint": st.just("fp_1"), "usage": st.just({"prompt_tokens": 3})},
)


def numbered(answer: dict[str, Any]) -> dict[str, Any]:
    for index, choice in enumerate(answer["choices"]):
        choice["index"] = index
    return answer


def assembled(events: list[bytes], most: int = 1 << 20) -> dict[str, Any] | None:
    assembler = Assembler(most)
    for event in events:
        assembler.feed(event)
    raw = assembler.answer()
    return None if raw is None else msgspec.json.decode(raw)


@given(answer=_ANSWER)
def test_there_and_back(answer: dict[str, Any]) -> None:
    answer = numbered(answer)
    assert assembled(list(events_of(answer))) == answer


@given(answer=_ANSWER, cut=st.integers(1, 5))
def test_deltas_in_pieces_are_the_same_answer(answer: dict[str, Any], cut: int) -> None:
    """As upstreams stream: texts and arguments a few characters at a time."""
    answer = numbered(answer)
    pieces = [piece for event in events_of(answer) for piece in in_pieces(event, cut)]
    assert assembled(pieces) == answer


def in_pieces(raw: bytes, cut: int) -> list[bytes]:
    event = msgspec.json.decode(raw)
    if not event["choices"] or not event["choices"][0].get("delta"):
        return [raw]
    choice = event["choices"][0]
    texts = {
        name: value
        for name, value in choice["delta"].items()
        if isinstance(value, str) and name != "role"
    }
    first = {name: value for name, value in choice["delta"].items() if name not in texts}
    deltas: list[dict[str, Any]] = [first | dict.fromkeys(texts, "")]
    for name, value in texts.items():
        deltas += [{name: value[at : at + cut]} for at in range(0, len(value), cut)]
    out = []
    for number, delta in enumerate(deltas):
        rest = choice if number == 0 else {"index": choice["index"], "finish_reason": None}
        out.append(msgspec.json.encode({**event, "choices": [{**rest, "delta": delta}]}))
    return out


def test_a_text_completion_too() -> None:
    answer = {
        "id": "cmpl-1",
        "object": "text_completion",
        "choices": [{"index": 0, "text": "one two", "logprobs": None, "finish_reason": "length"}],
    }
    events = list(events_of(answer))
    assert assembled(events) == answer
    first = msgspec.json.decode(events[0])["choices"][0]
    assert first == {"index": 0, "text": "one two", "logprobs": None, "finish_reason": None}


def test_a_long_stream_is_given_up() -> None:
    event = msgspec.json.encode({"choices": [{"index": 0, "delta": {"content": "x" * 100}}]})
    assert assembled([event] * 10, most=500) is None


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        ({"choices": [{"finish_reason": "stop"}]}, True),
        ({"choices": [{"finish_reason": "length"}]}, True),
        ({"choices": [{"finish_reason": "tool_calls"}]}, True),
        ({"choices": [{"finish_reason": "stop"}, {"finish_reason": None}]}, False),
        ({"choices": [{"finish_reason": "content_filter"}]}, False),
        ({"choices": [{"finish_reason": "error"}]}, False),
        ({"choices": []}, False),
        ({"error": {"message": "no"}, "choices": [{"finish_reason": "stop"}]}, False),
        ({"object": "list", "data": [{"embedding": [1]}]}, True),
        ([], False),
    ],
)
def test_only_what_ended_well_is_whole(answer: Any, whole: bool) -> None:
    assert is_complete(msgspec.json.encode(answer)) is whole


def test_a_kept_answer_is_one_of_now() -> None:
    kept = {
        "id": "chatcmpl-old",
        "object": "chat.completion",
        "created": 1,
        "choices": [],
        "usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 1}},
    }
    raw = msgspec.json.encode(kept)
    one, two = renewed(raw), renewed(raw)
    assert one["id"].startswith("chatcmpl-")
    assert len({kept["id"], one["id"], two["id"]}) == 3
    assert one["created"] > 1_700_000_000
    assert one["usage"]["prompt_tokens_details"]["cached_tokens"] == 9


def test_calls_of_tools_are_seen() -> None:
    call = {"choices": [{"message": {"content": None, "tool_calls": [{"id": "1"}]}}]}
    assert has_tool_calls(msgspec.json.encode(call))
    assert not has_tool_calls(msgspec.json.encode({"choices": [{"message": {"content": "x"}}]}))
