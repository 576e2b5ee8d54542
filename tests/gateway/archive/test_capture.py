"""What is kept of a request and of an answer, in every shape that they come in."""

import json
from typing import Any

import pytest

from gateway.archive.capture import AnswerCapture, pack, prompt_content


def deltas(*given: dict[str, Any], most: int = 1000) -> dict[str, Any]:
    capture = AnswerCapture(most)
    for delta in given:
        capture.take([{"index": 0, "delta": delta, "finish_reason": None}])
    return capture.content()["choices"][0]["message"]


def test_a_prompt_without_who_asked() -> None:
    body = {
        "model": "flash",
        "messages": [{"role": "user", "content": "hi"}],
        "user": "eu_1",
        "safety_identifier": "eu_1",
        "prompt_cache_key": "k",
        "metadata": {"who": "greta"},
        "temperature": 0.5,
        "stream_options": {"include_usage": True},
    }
    assert prompt_content(body, "sov-flash") == {
        "model": "sov-flash",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.5,
    }


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_data": "AAAA"}},
        {"type": "of_tomorrow", "secret": "AAAA"},
        {"no_type": "AAAA"},
    ],
)
def test_media_are_left_out(part: dict[str, Any]) -> None:
    text = {"type": "text", "text": "look"}
    kept = prompt_content({"messages": [{"role": "user", "content": [text, part]}]}, "m")
    assert kept["messages"][0]["content"] == [text, {"type": part.get("type"), "left_out": True}]
    assert "AAAA" not in json.dumps(kept)


def test_audio_of_an_earlier_answer_is_left_out() -> None:
    message = {"role": "assistant", "content": "hi", "audio": {"id": "a", "data": "AAAA"}}
    assert "audio" not in prompt_content({"messages": [message]}, "m")["messages"][0]


def test_pieces_become_one_text() -> None:
    assert deltas(
        {"role": "assistant", "content": ""},
        {"reasoning_content": "th"},
        {"reasoning_content": "ink", "content": None},
        {"content": "one "},
        {"content": "two"},
    ) == {"role": "assistant", "content": "one two", "reasoning_content": "think"}


def test_tool_calls_are_joined_by_their_index() -> None:
    def call(index: int, **function: str) -> dict[str, Any]:
        return {"tool_calls": [{"index": index, "function": function}]}

    first = {"index": 0, "id": "c0", "type": "function", "function": {"name": "f", "arguments": ""}}
    message = deltas(
        {"tool_calls": [first]},
        call(0, arguments='{"a"'),
        call(1, name="g", arguments="{}"),
        call(0, arguments=": 1}"),
    )
    assert [item["function"] for item in message["tool_calls"]] == [
        {"name": "f", "arguments": '{"a": 1}'},
        {"name": "g", "arguments": "{}"},
    ]
    assert message["tool_calls"][0]["id"] == "c0"


def test_parts_without_an_index_follow_each_other() -> None:
    message = deltas(
        {"content": [{"type": "text", "text": "a"}]}, {"content": [{"type": "text", "text": "b"}]}
    )
    assert [part["text"] for part in message["content"]] == ["a", "b"]


def test_choices_are_apart_and_in_order() -> None:
    capture = AnswerCapture(100)
    capture.take([{"index": 1, "delta": {"content": "b"}}, {"index": 0, "delta": {"content": "a"}}])
    capture.take([{"index": 1, "delta": {}, "finish_reason": "stop"}])
    choices = capture.content()["choices"]
    assert [(c["index"], c["message"]["content"], c["finish_reason"]) for c in choices] == [
        (0, "a", None),
        (1, "b", "stop"),
    ]


def test_a_whole_answer_is_no_reference_to_what_is_restored_later() -> None:
    message = {"role": "assistant", "content": "[PERSON_1]", "tool_calls": [{"id": "c"}]}
    capture = AnswerCapture(100)
    capture.take([{"index": 0, "message": message, "finish_reason": "stop"}])
    message["content"] = "Greta"
    message["tool_calls"][0]["id"] = "other"  # type: ignore[index]
    kept = capture.content()["choices"][0]["message"]
    assert kept == {"role": "assistant", "content": "[PERSON_1]", "tool_calls": [{"id": "c"}]}


def test_no_more_than_the_most_is_gathered() -> None:
    capture = AnswerCapture(10)
    for _ in range(1000):
        capture.take([{"index": 0, "delta": {"content": "12345"}}])
        capture.take([{"index": 0, "delta": {"content": [{"type": "text", "text": "x"}]}}])
    assert capture.cut
    assert len(json.dumps(capture.content())) < 200


@pytest.mark.parametrize(
    "choices", [None, {}, [None], ["text"], [{"delta": "text"}], [{"index": "0", "delta": {}}]]
)
def test_nonsense_is_kept_out(choices: Any) -> None:
    capture = AnswerCapture(10)
    capture.take(choices)
    for choice in capture.content()["choices"]:
        assert choice["message"] == {}


def test_depth_has_an_end() -> None:
    delta: dict[str, Any] = {"content": "x"}
    for _ in range(5000):
        delta = {"a": delta}
    capture = AnswerCapture(1000)
    capture.take([{"index": 0, "delta": {"tool_calls": [delta], "content": "said"}}])
    assert capture.cut
    assert capture.content()["choices"][0]["message"]["content"] == "said"


@pytest.mark.parametrize("content", [{"a": "x" * 500}, {"a": "ü" * 500}, {"a": "😀" * 500}])
def test_what_is_too_long_is_cut_and_says_so(content: dict[str, Any]) -> None:
    packed, cut = pack(content, 101)
    kept = json.loads(packed)
    assert cut
    assert kept["truncated"] is True
    assert kept["bytes"] > 500
    assert len(kept["text"].encode()) <= 101
    assert json.dumps(content, ensure_ascii=False, separators=(",", ":")).startswith(kept["text"])


def test_what_fits_is_whole() -> None:
    assert pack({"a": 1}, 7) == (b'{"a":1}', False)
