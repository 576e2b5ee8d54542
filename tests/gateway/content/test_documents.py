"""Values are looked at where they stand."""

from typing import Any

import pytest

from gateway.content import Document, documents_of, map_texts, media_of, spans_by_text, texts_of
from guardrails.types import Span


def body(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": list(messages), **fields}


def call(arguments: str) -> dict[str, Any]:
    function = {"name": "f", "arguments": arguments}
    return {
        "role": "assistant",
        "tool_calls": [{"id": "1", "type": "function", "function": function}],
    }


def read(request: dict[str, Any]) -> list[str]:
    return [document.text for document in documents_of(request)]


def test_a_plain_message_is_one_document() -> None:
    assert read(body({"role": "user", "content": "hello"})) == ["hello"]


def test_fields_of_tool_arguments_are_read_with_their_names() -> None:
    assert read(body(call('{"ssn": "123-45-6789", "n": {"pin": 4711}}'))) == [
        "ssn: 123-45-6789\nn: pin: \n\n"
    ]


def test_long_numbers_are_texts_and_short_ones_are_not() -> None:
    request = body(call('{"card": 4111111111111111, "n": 12, "ok": true, "x": 12345.5}'))
    assert texts_of(request) == ["card", "4111111111111111", "n", "ok", "x", "12345.5"]


def test_a_masked_number_becomes_a_string_and_the_rest_stays_a_number() -> None:
    request = body(call('{"card": 4111111111111111, "n": 1234567}'))
    mapped = map_texts(request, lambda text: "[CARD]" if text.startswith("4111") else text)
    function = mapped["messages"][0]["tool_calls"][0]["function"]
    assert function["arguments"] == '{"card":"[CARD]","n":1234567}'


def test_numbers_that_steer_the_call_stay() -> None:
    request = body(seed=123456789, max_tokens=100000)
    assert texts_of(request) == []
    assert map_texts(request, lambda text: "x") == request


def test_schemas_are_read_with_their_structure() -> None:
    parameters = {"properties": {"to": {"type": "string", "description": "Greta"}}}
    function = {"name": "f", "description": "Mail", "parameters": parameters}
    read_text = read(body(tools=[{"type": "function", "function": function}]))[0]
    assert "description: Mail\n" in read_text
    assert "to: description: Greta" in read_text
    assert texts_of(body(tools=[{"function": function}])) == ["Mail", "Greta"]


def test_parts_are_read_alone_and_without_a_gap() -> None:
    parts = [{"type": "text", "text": "card 4111 1111 "}, {"type": "text", "text": "1111 1111"}]
    assert read(body({"role": "user", "content": parts})) == [
        "card 4111 1111 ",
        "1111 1111",
        "card 4111 1111 1111 1111",
    ]


def test_the_same_document_is_read_once() -> None:
    message = {"role": "user", "content": "again"}
    assert read(body(message, message)) == ["again"]


def test_a_speaker_s_name_keeps_to_what_providers_accept() -> None:
    request = body({"role": "user", "name": "Greta", "content": "hi"})
    mapped = map_texts(request, lambda text: "[PERSON_1]" if text == "Greta" else text)
    assert mapped["messages"][0]["name"] == "PERSON_1"
    assert map_texts(body({"role": "user", "name": "a b"}), str)["messages"][0]["name"] == "a b"


def test_spans_are_cut_at_the_borders_of_texts() -> None:
    document = Document((("pin", True), (": ", False), ("4711 x", True)))
    found = spans_by_text([document], [[Span(0, 9, "PASSWORD", 0.9, "d")]])
    assert [(span.start, span.end) for span in found["pin"]] == [(0, 3)]
    assert [(span.start, span.end) for span in found["4711 x"]] == [(0, 4)]


def test_findings_of_one_text_in_several_documents_come_together() -> None:
    documents = [Document((("4711", True),)), Document((("pin: ", False), ("4711", True)))]
    found = spans_by_text(documents, [[], [Span(5, 9, "PASSWORD", 0.9, "d")]])
    assert [(span.start, span.end) for span in found["4711"]] == [(0, 4)]


@pytest.mark.parametrize(
    ("part", "kinds"),
    [
        ({"type": "text", "text": "x"}, []),
        ({"type": "refusal", "refusal": "no"}, []),
        ({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}, ["images"]),
        ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, ["audio"]),
        ({"type": "file", "file": {"file_id": "f"}}, ["files"]),
        ({"type": "video_url", "video_url": {"url": "u"}}, ["video"]),
        ({"type": "hologram"}, ["files"]),
    ],
)
def test_media_are_named(part: dict[str, Any], kinds: list[str]) -> None:
    assert media_of(body({"role": "user", "content": [part]})) == kinds


def test_spoken_answers_of_earlier_turns_are_audio() -> None:
    assert media_of(body({"role": "assistant", "audio": {"id": "audio_1"}})) == ["audio"]
