"""Event streams of any bytes, cut anywhere: the same events, and no error but the one."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamInvalidReply
from gateway.http import sse
from gateway.http.sse import SseParser, encode_event

# Bytes that mean something come more often than others do.
PIECES = st.one_of(
    st.sampled_from(
        [b"data:", b"data: ", b"\n", b"\r", b"\r\n", b"\n\n", b":", b"[DONE]", b"id: 1", b"event:"]
    ),
    st.binary(max_size=12),
)
STREAMS = st.lists(PIECES, max_size=60).map(b"".join)


def parse(chunks: list[bytes]) -> list[bytes]:
    parser = SseParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def reference(stream: bytes) -> list[bytes]:
    """The standard's words, on the whole stream at once."""
    text = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events: list[bytes] = []
    data: list[bytes] = []
    for line in text.split(b"\n")[:-1]:
        if not line:
            if data:
                events.append(b"\n".join(data))
            data = []
        elif line.startswith(b"data:"):
            value = line.removeprefix(b"data:")
            data.append(value.removeprefix(b" "))
    return events


@given(STREAMS, st.data())
def test_any_cut_gives_the_same_events(stream: bytes, data: st.DataObject) -> None:
    marks = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=20)))
    chunks = [stream[a:b] for a, b in pairwise([0, *marks, len(stream)])]
    assert parse(chunks) == parse([stream]) == reference(stream)
    assert parse([bytes([byte]) for byte in stream]) == reference(stream)


@given(st.lists(st.binary(max_size=30).filter(lambda d: not {10, 13} & set(d)), max_size=20))
def test_what_is_written_is_read(events: list[bytes]) -> None:
    assert parse([encode_event(event) for event in events]) == events


@given(st.lists(PIECES, min_size=1, max_size=8).map(b"".join), st.integers(1, 400))
def test_memory_is_bounded(piece: bytes, times: int) -> None:
    limit, sse.MAX_EVENT_BYTES = sse.MAX_EVENT_BYTES, 500
    parser = SseParser()
    try:
        for _ in range(times):
            parser.feed(piece)
            held = sum(map(len, parser._line)) + sum(map(len, parser._data))
            assert held <= 500
    except UpstreamInvalidReply:
        pass
    finally:
        sse.MAX_EVENT_BYTES = limit
