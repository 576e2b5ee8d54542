"""Text completions: the same for every cut, log probabilities in step, nothing that is blocked."""

import itertools
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from gateway.errors import ContentBlocked, UpstreamInvalidReply
from gateway.exchange import Exchange, Timing
from gateway.http.connection import Connection
from gateway.pipeline.answer_text import OutputGuard
from gateway.surfaces.completions import CompletionsSurface
from gateway.surfaces.completions_answer import CompletionStream, inspect_completion
from guardrails.pii import MaskScope
from guardrails.types import Span

NAME = "Greta Vogel"
SAID = "Hello [PERSON_1], nice to meet you [PERSON_1]."
SHOWN = SAID.replace("[PERSON_1]", NAME)


async def nothing(*_: Any) -> Any:
    raise AssertionError("nothing is read or sent here")


@pytest.fixture
def exchange() -> Exchange:
    connection = Connection({"type": "http", "headers": []}, nothing, nothing)
    exchange = Exchange("req_1", CompletionsSurface(), connection, datetime.now(UTC), Timing(0.0))
    exchange.scope = MaskScope([NAME])
    assert exchange.scope.mask(NAME, [Span(0, len(NAME), "PERSON", 1.0, "x@1")]) == "[PERSON_1]"
    return exchange


def logprobs(text: str, size: int = 3, start: int = 0) -> dict[str, Any]:
    tokens = [text[at : at + size] for at in range(0, len(text), size)]
    return {
        "tokens": tokens,
        "token_logprobs": [-1.0] * len(tokens),
        "top_logprobs": [{token: -1.0} for token in tokens],
        "text_offset": [start + at for at in range(0, len(text), size)],
    }


def event(text: str, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish, **more}
    return msgspec.json.encode({"id": "c", "object": "text_completion", "choices": [choice]})


def stream(exchange: Exchange, *cuts: int, judge: Any = None, spelt: bool = False) -> list[Any]:
    answer = CompletionStream(exchange, judge, OutputGuard(exchange))
    out: list[bytes] = []
    for start, end in itertools.pairwise([0, *cuts, len(SAID)]):
        piece = SAID[start:end]
        given = logprobs(piece, start=start) if spelt else None
        out += answer.feed(event(piece, logprobs=given))
        if answer.blocked:
            return [msgspec.json.decode(data)["choices"][0] for data in out]
    out += answer.feed(event("", "stop")) + answer.finish()
    return [msgspec.json.decode(data)["choices"][0] for data in out]


def test_a_stream_is_the_same_for_every_cut(exchange: Exchange) -> None:
    for first, second in itertools.combinations(range(1, len(SAID)), 2):
        choices = stream(exchange, first, second)
        assert "".join(choice["text"] for choice in choices) == SHOWN
        assert choices[-1]["finish_reason"] == "stop"


def test_log_probabilities_keep_step_in_a_stream(exchange: Exchange) -> None:
    choices = stream(exchange, 8, 20, spelt=True)
    lists = [choice["logprobs"] for choice in choices if choice["logprobs"]]
    tokens = [token for given in lists for token in given["tokens"]]
    offsets = [offset for given in lists for offset in given["text_offset"]]
    assert "".join(tokens) == SHOWN
    assert offsets == [0, *itertools.accumulate(len(token) for token in tokens)][:-1]


def test_a_whole_answer(exchange: Exchange) -> None:
    raw = event(SAID, "stop", logprobs=logprobs(SAID, start=7))
    guard = OutputGuard(exchange)
    (choice,) = msgspec.json.decode(inspect_completion(exchange, raw, None, guard))["choices"]
    assert choice["text"] == SHOWN
    assert choice["finish_reason"] == "stop"
    assert "".join(choice["logprobs"]["tokens"]) == SHOWN
    assert choice["logprobs"]["text_offset"][0] == 7
    assert "message" not in choice


def test_what_needs_no_change_passes_as_it_came(exchange: Exchange) -> None:
    raw = event("Hello", "stop").replace(b":", b" : ")
    guard = OutputGuard(exchange)
    assert inspect_completion(exchange, raw, None, guard) is raw
    answer = CompletionStream(exchange, None, OutputGuard(exchange))
    assert answer.feed(raw) == [raw]


def block(text: str) -> None:
    if "nice" in text:
        raise ContentBlocked("blocked")


def test_what_is_blocked_does_not_go_out(exchange: Exchange) -> None:
    raw = event(SAID, "stop", logprobs=logprobs(SAID))
    guard = OutputGuard(exchange)
    (choice,) = msgspec.json.decode(inspect_completion(exchange, raw, block, guard))["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("", "content_filter")
    assert choice["logprobs"] is None
    choices = stream(exchange, *range(4, len(SAID), 4), judge=block)
    assert "meet you" not in "".join(choice["text"] for choice in choices)
    assert choices[-1]["finish_reason"] == "content_filter"


@pytest.mark.parametrize("raw", [b"{}", b'{"choices": 1}', b"[]", b"no"])
def test_what_is_no_completion_is_an_error(exchange: Exchange, raw: bytes) -> None:
    with pytest.raises(UpstreamInvalidReply):
        inspect_completion(exchange, raw, None, OutputGuard(exchange))
    with pytest.raises(UpstreamInvalidReply):
        CompletionStream(exchange, None, OutputGuard(exchange)).feed(raw)
