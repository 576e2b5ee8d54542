"""What a client receives is the same for every cut: in text, reasoning, tool arguments, JSON."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from openai import OpenAI

from gateway.exchange import Exchange, Timing
from gateway.http.connection import Connection
from gateway.pipeline.answer import AnswerStream
from gateway.pipeline.answer_text import OutputGuard
from gateway.settings import PiiPolicy, PolicySettings
from gateway.surfaces import ChatSurface
from guardrails.pii import MaskScope, PiiEngine
from guardrails.types import Span
from support.deployment import KEYS, Capture, Deployment, gateway, settings

NAME, ADDRESS, PATH = 'Greta "Gigi" Vogel', "greta.vogel@example.com", r"C:\Users\greta"
REQUEST = f"I am {NAME}, {ADDRESS}, at {PATH}."
CUTS = 10_000
REDACTED_CUTS = 1_000
HTTP_CUTS = 120

# As a model writes them, and what the client must get.
CONTENT = (
    "Hello [PERSON_1]! <email_address_1> or \\[PERSON_1\\], not [PERSON_9] nor [PERSON_1x"
    " but **[Email Address 1]** at [PASSWORD_1]; é 😀 [PERSON_1]"
)
RESTORED = (
    f"Hello {NAME}! {ADDRESS} or {NAME}, not [PERSON_9] nor [PERSON_1x"
    f" but **{ADDRESS}** at {PATH}; é 😀 {NAME}"
)
DOCUMENT = (
    '{"to": ["[PERSON_1]", "\\u005bEMAIL_ADDRESS_1\\u005d"], "p": "\\ud83d\\ude00 [PASSWORD_1]"}'
)
MEANT = {"to": [NAME, ADDRESS], "p": f"😀 {PATH}"}
MADE_UP = " Call 212-555-0134, nobody@example.org, or 4111 1111 1111 1111; [PERSON_1] knows. End"
REDACTED = f" Call [PHONE_NUMBER], [EMAIL_ADDRESS], or [CREDIT_CARD]; {NAME} knows. End"


async def _receive() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def _send(_message: Any) -> None:
    """Nobody listens."""


def _exchange(output: str = "allow") -> Exchange:
    spans = [
        Span(REQUEST.index(value), REQUEST.index(value) + len(value), kind, 1.0, "test@1")
        for value, kind in ((NAME, "PERSON"), (ADDRESS, "EMAIL_ADDRESS"), (PATH, "PASSWORD"))
    ]
    connection = Connection({"headers": []}, _receive, _send)
    exchange = Exchange("req_1", ChatSurface(), connection, datetime.now(UTC), Timing(0.0))
    exchange.scope = MaskScope([REQUEST])
    masked = exchange.scope.mask_all([REQUEST], [spans])
    assert masked == ["I am [PERSON_1], [EMAIL_ADDRESS_1], at [PASSWORD_1]."]
    exchange.policy = PolicySettings(pii=PiiPolicy.model_validate({"output": output}))
    return exchange


def _pieces(text: str, generator: random.Random) -> list[str]:
    count = min(len(text) - 1, generator.choice((0, 1, 2, 3, 5, 9)))
    bounds = [0, *sorted(generator.sample(range(1, len(text)), count)), len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


def _deltas(generator: random.Random, content: str, document: str) -> Iterator[list[Any]]:
    """Three choices and four fields, their pieces mixed up as a server may send them."""
    queues: list[list[tuple[int, dict[str, Any]]]] = [
        [(0, {"content": piece}) for piece in _pieces(content, generator)],
        [(0, {"reasoning_content": piece}) for piece in _pieces(content, generator)],
        [
            (1, {"tool_calls": [{"index": 1, "function": {"arguments": piece}}]})
            for piece in _pieces(document, generator)
        ],
        [(2, {"content": piece}) for piece in _pieces(document, generator)],
    ]
    while any(queues):
        queue = generator.choice([queue for queue in queues if queue])
        index, delta = queue.pop(0)
        yield [{"index": index, "delta": delta, "finish_reason": None}]
    if generator.random() < 0.5:
        yield [{"index": index, "delta": {}, "finish_reason": "stop"} for index in range(3)]


def _received(stream: AnswerStream, events: Iterator[list[Any]]) -> dict[str, str]:
    """Text by field, as a client puts it together."""
    got: dict[str, list[str]] = {"content": [], "reasoning": [], "arguments": [], "document": []}
    out: list[bytes] = []
    for choices in events:
        out += stream.feed(msgspec.json.encode({"id": "c", "choices": choices}))
    for data in [*out, *stream.finish()]:
        for choice in msgspec.json.decode(data)["choices"]:
            delta = choice["delta"]
            got["document" if choice["index"] == 2 else "content"].append(delta.get("content", ""))
            got["reasoning"].append(delta.get("reasoning_content", ""))
            for call in delta.get("tool_calls", ()):
                got["arguments"].append(call["function"]["arguments"])
    return {name: "".join(parts) for name, parts in got.items()}


def test_ten_thousand_cuts_give_the_plain_restore() -> None:
    exchange = _exchange()
    assert exchange.scope is not None
    document = exchange.scope.restore(DOCUMENT, json_escaped=True)
    assert exchange.scope.restore(CONTENT) == RESTORED
    assert json.loads(document) == MEANT
    generator = random.Random(20261122)
    for _ in range(CUTS):
        got = _received(AnswerStream(exchange, None), _deltas(generator, CONTENT, DOCUMENT))
        assert got == {
            "content": RESTORED,
            "reasoning": RESTORED,
            "arguments": document,
            "document": document,
        }


def test_cuts_with_redaction_give_the_same_text() -> None:
    engine = PiiEngine.load(ner="none")
    exchange = _exchange("redact")
    assert exchange.scope is not None
    document = exchange.scope.restore(DOCUMENT, json_escaped=True)
    made_up = f'{DOCUMENT[:-1]}, "n": 4111111111111111, "m": "\\u006eobody\\u0040example.org"}}'
    redacted = f'{document[:-1]}, "n": "[CREDIT_CARD]", "m": "[EMAIL_ADDRESS]"}}'
    generator = random.Random(7)
    for _ in range(REDACTED_CUTS):
        stream = AnswerStream(exchange, None, OutputGuard(exchange, engine))
        got = _received(stream, _deltas(generator, CONTENT + MADE_UP, made_up))
        assert got == {
            "content": RESTORED + REDACTED,
            "reasoning": RESTORED + REDACTED,
            "arguments": redacted,
            "document": redacted,
        }


@pytest.fixture(scope="module")
def strict(
    tmp_path_factory: pytest.TempPathFactory, _capture_process: Capture
) -> Iterator[Deployment]:
    """Tenant acme restores only; globex redacts what the model makes up."""
    directory = tmp_path_factory.mktemp("strict")
    content = settings(directory, _capture_process.url)
    content["policies"] = {"default": {}, "strict": {"pii": {"output": "redact"}}}
    content["bootstrap"]["tenants"][1]["policy"] = "strict"
    with gateway(directory, content) as deployment:
        yield deployment


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_cuts_over_http(strict: Deployment, capture: Capture, tenant: str) -> None:
    prompt = "My colleague Greta Vogel is at greta.vogel@example.com or 212-555-0199."
    content = "You said: {echo} And nobody@example.org is new; {echo}"
    expected = content.replace("{echo}", prompt)
    if tenant == "globex":
        expected = expected.replace("nobody@example.org", "[EMAIL_ADDRESS]")
    generator = random.Random(tenant)
    with OpenAI(base_url=strict.base_url, api_key=KEYS[tenant], max_retries=0) as client:
        for _ in range(HTTP_CUTS):
            cuts = generator.sample(range(1, 170), generator.randint(0, 12))
            capture.script(
                content=content,
                reasoning="Hm: {echo}",
                tool_arguments='{"text": "{echo}", "n": 1}',
                cuts=cuts,
            )
            got = _streamed(client, prompt)
            assert got["content"] == expected, cuts
            assert got["reasoning"] == f"Hm: {prompt}", cuts
            assert json.loads(got["arguments"]) == {"text": prompt, "n": 1}, cuts


def _streamed(client: OpenAI, prompt: str) -> dict[str, str]:
    messages: Sequence[Any] = [{"role": "user", "content": prompt}]
    got = {"content": "", "reasoning": "", "arguments": ""}
    for chunk in client.chat.completions.create(model="flash", stream=True, messages=messages):
        for choice in chunk.choices:
            got["content"] += choice.delta.content or ""
            got["reasoning"] += (choice.delta.model_extra or {}).get("reasoning_content") or ""
            for call in choice.delta.tool_calls or ():
                assert call.function is not None
                got["arguments"] += call.function.arguments or ""
    return got
