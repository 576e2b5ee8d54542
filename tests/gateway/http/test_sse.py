"""The event-stream parser: any cut, any line end, nothing lost."""

import random
from itertools import pairwise

import pytest

from gateway.errors import UpstreamInvalidReply
from gateway.http.sse import MAX_EVENT_BYTES, SseParser, encode_event

STREAM = (
    b': hello\n\ndata: {"a": 1}\n\ndata:{"b": 2}\r\n\r\nevent: x\nid: 7\n'
    b"data: line one\ndata: line two\n\n\n\ndata: [DONE]\r\r"
)
EVENTS = [b'{"a": 1}', b'{"b": 2}', b"line one\nline two", b"[DONE]"]


def parse(chunks: list[bytes]) -> list[bytes]:
    parser = SseParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def test_whole() -> None:
    assert parse([STREAM]) == EVENTS


def test_byte_by_byte() -> None:
    assert parse([bytes([byte]) for byte in STREAM]) == EVENTS


def test_random_cuts() -> None:
    generator = random.Random(1)
    for _ in range(500):
        marks = sorted(generator.sample(range(1, len(STREAM)), 6))
        bounds = [0, *marks, len(STREAM)]
        chunks = [STREAM[a:b] for a, b in pairwise(bounds)]
        assert parse(chunks) == EVENTS


def test_an_unfinished_event_is_not_an_event() -> None:
    assert parse([b"data: half"]) == []


def test_an_event_without_end_is_refused() -> None:
    with pytest.raises(UpstreamInvalidReply):
        parse([b"data: " + b"x" * MAX_EVENT_BYTES])


def test_written_events_parse() -> None:
    assert parse([encode_event(b"{}"), encode_event(b"[DONE]")]) == [b"{}", b"[DONE]"]
