"""Events of a streamed answer: those taken for plain fare as they do when read in full."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ContentBlocked
from gateway.exchange import Exchange, Timing
from gateway.http.connection import Connection
from gateway.pipeline import answer
from gateway.pipeline.answer import AnswerStream
from gateway.pipeline.answer_text import OutputGuard
from gateway.settings import PiiPolicy, PolicySettings
from gateway.surfaces import ChatSurface
from guardrails.pii import MaskScope
from guardrails.types import Span

NAME = 'Greta "G" Vogel'
TEXTS = st.lists(
    st.sampled_from(
        ["word ", "[PERS", "ON_1]", "PERSON_1", " P", "\n", "```json\n",
         '{"a": "', '"}', "~~~", "bad",
         "", "x" * 20, "é"]
    ),
    max_size=3,
).map("".join)  # fmt: skip
DELTAS = st.one_of(
    st.fixed_dictionaries({"content": TEXTS}, optional={"role": st.just("assistant")}),
    st.fixed_dictionaries({"reasoning_content": TEXTS}, optional={"content": st.none()}),
    st.fixed_dictionaries({"content": TEXTS, "reasoning_content": TEXTS}),
    st.fixed_dictionaries({"content": TEXTS, "tool_calls": st.none()}),
    st.builds(lambda text: {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}, TEXTS),
    st.fixed_dictionaries({"refusal": TEXTS}),
    st.just({}),
)
CHOICES = st.fixed_dictionaries(
    {"delta": DELTAS},
    optional={
        "index": st.integers(0, 1),
        "finish_reason": st.sampled_from([None, None, None, "stop"]),
        "logprobs": st.sampled_from([None, None, {"content": [{"token": "word ", "logprob": 0}]}]),
        "stop_reason": st.none(),
    },
)
EVENTS = st.fixed_dictionaries(
    {"choices": st.lists(CHOICES, min_size=1, max_size=2)},
    optional={
        "id": st.just("c1"),
        "usage": st.sampled_from([None, {"prompt_tokens": 1, "completion_tokens": 2}]),
        "error": st.none(),
    },
)


async def receive_nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def send_nowhere(_message: Any) -> None:
    """Nothing is sent."""


def judge(text: str) -> None:
    if text.count("bad") > 1:
        raise ContentBlocked("The answer is bad.")


def run(events: list[dict[str, Any]], *, masks: bool, sequential: bool, strip: bool) -> list[Any]:
    connection = Connection({"headers": []}, receive_nothing, send_nowhere)
    exchange = Exchange("req_1", ChatSurface(), connection, datetime.now(UTC), Timing(0.0))
    exchange.policy = PolicySettings(pii=PiiPolicy(output="allow"))
    exchange.strip_usage = strip
    if masks:
        exchange.scope = MaskScope([NAME])
        exchange.scope.mask_all([NAME], [[Span(0, len(NAME), "PERSON", 1.0, "test@1")]])
    stream = AnswerStream(exchange, judge, OutputGuard(exchange), sequential=sequential)
    out: list[Any] = []
    for event in events:
        if not stream.blocked:
            out.append(stream.feed(msgspec.json.encode(event)))
    if not stream.blocked:
        out.append(stream.finish())
    said = (exchange.output_chars, "".join(exchange.output_texts), exchange.finish_reason)
    return [*out, stream.blocked, said, exchange.raw_usage]


@given(
    st.lists(EVENTS, max_size=12), st.booleans(), st.booleans(), st.booleans()
)  # fmt: skip
def test_plain_events_fare_as_if_they_were_read_in_full(
    events: list[dict[str, Any]], masks: bool, sequential: bool, strip: bool
) -> None:
    events = [{"object": "chat.completion.chunk", **event} for event in events]
    got = run(events, masks=masks, sequential=sequential, strip=strip)
    with patch.object(answer, "plain_text", return_value=None):
        assert run(events, masks=masks, sequential=sequential, strip=strip) == got


def test_the_usual_event_is_plain() -> None:
    event = {
        "id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 1, "delta": {"content": "Hi"}, "logprobs": None,
                     "finish_reason": None, "token_ids": None}],
    }  # fmt: skip
    assert answer.plain_text(msgspec.json.encode(event)) == (1, "content", "Hi")
