"""Answers under ``pii.output``: every shape that upstreams give them, and what the record says."""

import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from gateway.exchange import Exchange, Timing
from gateway.http.connection import Connection
from gateway.pipeline.answer import AnswerStream, inspect_answer
from gateway.pipeline.answer_text import OutputGuard
from gateway.settings import PiiPolicy, PolicySettings
from gateway.surfaces import ChatSurface
from guardrails.errors import GuardUnavailable
from guardrails.pii import MaskScope, PiiEngine
from guardrails.types import Span

NAME = "Greta Vogel"
MADE_UP = "Write to nobody@example.com, [PERSON_1]."
CLEAN = f"Write to [EMAIL_ADDRESS], {NAME}."


@pytest.fixture(scope="module")
def engine() -> PiiEngine:
    return PiiEngine.load(ner="none")


async def receive_nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def send_nowhere(_message: Any) -> None:
    """Nothing is sent."""


def exchange_for(output: str, **pii: Any) -> Exchange:
    connection = Connection({"headers": []}, receive_nothing, send_nowhere)
    exchange = Exchange("req_1", ChatSurface(), connection, datetime.now(UTC), Timing(0.0))
    exchange.scope = MaskScope([NAME])
    exchange.scope.mask_all([NAME], [[Span(0, len(NAME), "PERSON", 1.0, "test@1")]])
    rules = {"output": output, **pii}
    exchange.policy = PolicySettings(pii=PiiPolicy.model_validate(rules))
    return exchange


def whole(exchange: Exchange, engine: PiiEngine, choice: dict[str, Any]) -> dict[str, Any]:
    raw = msgspec.json.encode({"choices": [{"index": 0, "finish_reason": "stop", **choice}]})
    answer = inspect_answer(exchange, raw, None, OutputGuard(exchange, engine))
    return msgspec.json.decode(answer)["choices"][0]


def streamed(
    exchange: Exchange, engine: PiiEngine, choices: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The client's choices, in order."""
    stream = AnswerStream(exchange, None, OutputGuard(exchange, engine))
    events: list[bytes] = []
    for choice in choices:
        if not stream.blocked:
            events += stream.feed(msgspec.json.encode({"id": "c", "choices": [choice]}))
    if not stream.blocked:
        events += stream.finish()
    return [choice for data in events for choice in msgspec.json.decode(data)["choices"]]


def text_of(choices: list[dict[str, Any]], key: str = "content") -> str:
    return "".join(choice["delta"].get(key) or "" for choice in choices)


def decisions(exchange: Exchange) -> list[tuple[str, str, str | None]]:
    return [(item.action, item.verdict, item.category) for item in exchange.decisions]


def test_allow_restores_and_looks_for_nothing(engine: PiiEngine) -> None:
    exchange = exchange_for("allow")
    choice = whole(exchange, engine, {"message": {"content": MADE_UP}})
    assert choice["message"]["content"] == MADE_UP.replace("[PERSON_1]", NAME)
    assert decisions(exchange) == []


def test_allow_holds_back_only_what_may_be_a_token(engine: PiiEngine) -> None:
    choices = [{"index": 0, "delta": {"content": piece}} for piece in ("nobody@exa", "mple [PE")]
    stream = AnswerStream(exchange_for("allow"), None)
    out = [stream.feed(msgspec.json.encode({"choices": [choice]})) for choice in choices]
    texts = [msgspec.json.decode(event[0])["choices"][0]["delta"]["content"] for event in out]
    assert texts == ["nobody@exa", "mple "]


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_redact_replaces_and_restores(engine: PiiEngine, size: int) -> None:
    exchange = exchange_for("redact")
    pieces = [MADE_UP[at : at + size] for at in range(0, len(MADE_UP), size)]
    got = streamed(exchange, engine, ({"index": 0, "delta": {"content": p}} for p in pieces))
    assert text_of(got) == CLEAN
    assert decisions(exchange) == [("redact", "found:1", "EMAIL_ADDRESS")]
    assert whole(exchange, engine, {"message": {"content": MADE_UP}})["message"]["content"] == CLEAN


@pytest.mark.parametrize("size", [1, 5, 100])
def test_flag_counts_and_changes_nothing(engine: PiiEngine, size: int) -> None:
    exchange = exchange_for("flag")
    text = "To nobody@example.com or other@example.com"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    got = streamed(exchange, engine, ({"index": 0, "delta": {"content": p}} for p in pieces))
    assert [choice["delta"]["content"] for choice in got] == pieces
    assert decisions(exchange) == [("flag", "found:2", "EMAIL_ADDRESS")]


@pytest.mark.parametrize("size", [1, 5, 100])
def test_block_ends_the_answer_at_the_same_place_for_every_cut(
    engine: PiiEngine, size: int
) -> None:
    exchange = exchange_for("block")
    pieces = [MADE_UP[at : at + size] for at in range(0, len(MADE_UP), size)]
    got = streamed(exchange, engine, ({"index": 0, "delta": {"content": p}} for p in pieces))
    assert text_of(got) == "Write to "
    assert got[-1]["finish_reason"] == "content_filter"
    assert exchange.outcome == "blocked"
    assert decisions(exchange) == [("block", "found:1", "EMAIL_ADDRESS")]


def test_block_withholds_a_whole_answer(engine: PiiEngine) -> None:
    exchange = exchange_for("block")
    choice = whole(exchange, engine, {"message": {"role": "assistant", "content": MADE_UP}})
    assert choice["message"] == {"role": "assistant", "content": ""}
    assert choice["finish_reason"] == exchange.finish_reason == "content_filter"


def test_a_clear_answer_is_noted(engine: PiiEngine) -> None:
    exchange = exchange_for("redact")
    whole(exchange, engine, {"message": {"content": "Nothing here."}})
    assert decisions(exchange) == [("redact", "clear", None)]


def test_values_of_the_request_stay_also_unmasked(engine: PiiEngine) -> None:
    exchange = exchange_for("redact")
    exchange.scope = None
    exchange.body = {"messages": [{"role": "user", "content": "I am me@example.com"}]}
    choice = whole(exchange, engine, {"message": {"content": "me@example.com, you@example.com"}})
    assert choice["message"]["content"] == "me@example.com, [EMAIL_ADDRESS]"


def test_tokens_stay_whole_where_they_are_not_restored(engine: PiiEngine) -> None:
    exchange = exchange_for("redact", restore=False)
    choice = whole(exchange, engine, {"message": {"content": MADE_UP}})
    assert choice["message"]["content"] == "Write to [EMAIL_ADDRESS], [PERSON_1]."


def test_types_are_chosen_by_the_policy(engine: PiiEngine) -> None:
    exchange = exchange_for("redact", output_entities=["PHONE_NUMBER"])
    text = "To nobody@example.com or 212-555-0134."
    choice = whole(exchange, engine, {"message": {"content": text}})
    assert choice["message"]["content"] == text.replace("212-555-0134", "[PHONE_NUMBER]")


def test_every_field_of_a_message_is_looked_at(engine: PiiEngine) -> None:
    secret, arguments = "nobody@example.com", '{"to": "nobody@example.com"}'
    message = {
        "role": "assistant",
        "content": [{"type": "text", "text": secret}, {"type": "text", "text": "fine"}],
        "reasoning": secret,
        "reasoning_content": secret,
        "reasoning_details": [{"type": "reasoning.text", "index": 0, "text": secret}],
        "refusal": secret,
        "audio": {"id": "a", "data": "QUJD", "expires_at": 1, "transcript": secret},
        "annotations": [{"type": "url_citation", "url_citation": {"title": secret}}],
        "function_call": {"name": "send", "arguments": arguments},
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "s", "arguments": arguments}},
            {"id": "2", "type": "custom", "custom": {"name": "s", "input": secret}},
        ],
        "record_field": secret,
    }
    got = whole(exchange_for("redact"), engine, {"message": message})["message"]
    assert json.dumps(got) == json.dumps(message).replace(secret, "[EMAIL_ADDRESS]")


def test_unknown_fields_and_missing_numbers_of_choices(engine: PiiEngine) -> None:
    """As a capture server of a leak test sends them: no index, no id, no finish reason."""
    deltas = [{"content": "", "record_field": piece} for piece in ("nobody", "@exam", "ple.com")]
    got = streamed(exchange_for("redact"), engine, ({"delta": delta} for delta in deltas))
    assert text_of(got, "record_field") == "[EMAIL_ADDRESS]"


def test_choices_calls_and_null_content_are_kept_apart(engine: PiiEngine) -> None:
    pieces = ['{"to": "nob', 'ody@example.com", "n": "[PER', 'SON_1]"}']
    choices: list[dict[str, Any]] = []
    for piece in pieces:
        calls = [{"index": at, "function": {"arguments": piece}} for at in (0, 1)]
        choices += [
            {"index": index, "delta": {"content": None, "tool_calls": calls}} for index in (0, 1)
        ]
    choices += [{"index": index, "delta": {}, "finish_reason": "tool_calls"} for index in (0, 1)]
    got = streamed(exchange_for("redact"), engine, choices)
    for index in (0, 1):
        for at in (0, 1):
            arguments = "".join(
                call["function"].get("arguments", "")
                for choice in got
                if choice["index"] == index
                for call in choice["delta"].get("tool_calls", ())
                if call["index"] == at
            )
            assert json.loads(arguments) == {"to": "[EMAIL_ADDRESS]", "n": NAME}
    assert all(choice["delta"].get("content") is None for choice in got)


def test_parts_of_streamed_content_get_their_rest(engine: PiiEngine) -> None:
    parts = [[{"type": "text", "text": piece}] for piece in ("nobody@ex", "ample.com")]
    choices = [{"index": 0, "delta": {"content": part}} for part in parts]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    got = streamed(exchange_for("redact"), engine, choices)
    texts = [part["text"] for choice in got for part in choice["delta"].get("content", ())]
    assert "".join(texts) == "[EMAIL_ADDRESS]"


def test_json_that_nobody_asked_for_stays_json(engine: PiiEngine) -> None:
    exchange = exchange_for("redact")
    value = 'Greta "Gigi"\nVogel'
    exchange.scope = MaskScope([value])
    exchange.scope.mask_all([value], [[Span(0, len(value), "PERSON", 1.0, "test@1")]])
    document = '{"who": "[PERSON_1]", "n": 4111111111111111}'
    text = f"Here:\n```json\n{document}\n```\nFor [PERSON_1]."
    content = whole(exchange, engine, {"message": {"content": text}})["message"]["content"]
    inner = content.partition("```json\n")[2].partition("\n```")[0]
    assert json.loads(inner) == {"who": value, "n": "[CREDIT_CARD]"}
    assert content.endswith(f"For {value}.")


def test_a_failing_engine_withholds_the_answer(engine: PiiEngine) -> None:
    class Broken:
        version = "broken@1"

        def detect(self, *_args: Any, **_options: Any) -> list[Span]:
            raise GuardUnavailable("broken")

    with pytest.raises(GuardUnavailable):
        whole(exchange_for("redact"), Broken(), {"message": {"content": MADE_UP}})  # type: ignore[arg-type]


def entries(tokens: Iterable[str]) -> list[dict[str, Any]]:
    return [
        {
            "token": token,
            "logprob": -0.5,
            "bytes": list(token.encode()),
            "top_logprobs": [{"token": token, "logprob": -0.5, "bytes": None}],
        }
        for token in tokens
    ]


TOKENS = ["Write", " to", " nob", "ody", "@example", ".com", ",", " [", "PERSON", "_1", "].", " Ok"]


def test_logprobs_of_a_whole_answer_follow_the_text(engine: PiiEngine) -> None:
    choice = {"message": {"content": "".join(TOKENS)}, "logprobs": {"content": entries(TOKENS)}}
    got = whole(exchange_for("redact"), engine, choice)
    listed = got["logprobs"]["content"]
    assert "".join(item["token"] for item in listed) == got["message"]["content"]
    assert [item["token"] for item in listed] == [
        "Write", " to", " [EMAIL_ADDRESS]", ",", " Greta Vogel.", " Ok",
    ]  # fmt: skip
    assert listed[2]["logprob"] == -2.0
    assert listed[2]["top_logprobs"] == []
    assert bytes(listed[2]["bytes"]).decode() == " [EMAIL_ADDRESS]"
    assert listed[0] == entries(["Write"])[0]


def test_logprobs_of_a_stream_follow_the_text_for_every_cut(engine: PiiEngine) -> None:
    generator = random.Random(3)
    for _ in range(30):
        cuts = sorted(generator.sample(range(1, len(TOKENS)), 4))
        groups = [TOKENS[a:b] for a, b in pairwise([0, *cuts, len(TOKENS)])]
        choices: list[dict[str, Any]] = [
            {
                "index": 0,
                "delta": {"content": "".join(group)},
                "logprobs": {"content": entries(group)},
            }
            for group in groups
        ]
        choices.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"})
        got = streamed(exchange_for("redact"), engine, choices)
        listed = [item for c in got for item in (c.get("logprobs") or {}).get("content") or ()]
        assert [item["token"] for item in listed] == [
            "Write", " to", " [EMAIL_ADDRESS]", ",", " Greta Vogel.", " Ok",
        ]  # fmt: skip
        assert text_of(got) == "".join(item["token"] for item in listed)


def test_characters_cut_into_several_tokens(engine: PiiEngine) -> None:
    text = "é [PERSON_1]"
    halves = [{"token": "\\xc3", "bytes": [0xC3]}, {"token": "\\xa9", "bytes": [0xA9]}]
    listed = [*halves, *entries([" [PERSON_1]"])]
    choice = {"message": {"content": text}, "logprobs": {"content": listed}}
    got = whole(exchange_for("redact"), engine, choice)
    assert [item["token"] for item in got["logprobs"]["content"]] == [
        "\\xc3", "\\xa9", " Greta Vogel",
    ]  # fmt: skip


def test_logprobs_that_spell_something_else_are_dropped(engine: PiiEngine) -> None:
    choice = {"message": {"content": MADE_UP}, "logprobs": {"content": entries(["nobody@x.org"])}}
    got = whole(exchange_for("redact"), engine, choice)
    assert got["logprobs"]["content"] == []
