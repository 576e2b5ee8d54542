"""Five promises that gateways break unnoticed, on each surface that streams.

After the five checks of gatewayproof (streaming fidelity, usage, cost, isolation, errors), which
know chat completions only; here against a capture upstream with real keys, guards and ledger.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import pytest

from support.deployment import KEYS, Capture, Deployment, capture_upstream, gateway, settings

USAGE = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
# 0.15 and 0.60 dollars a million: `support.deployment.settings`.
COST = (100 * Decimal("0.15") + 50 * Decimal("0.60")) / 1_000_000
Event = dict[str, Any]


@dataclass(frozen=True)
class Api:
    """How one surface is asked and read."""

    path: str
    body: Callable[[str], dict[str, Any]]
    text: Callable[[dict[str, Any]], str]
    delta: Callable[[Event], str]
    usage: Callable[[dict[str, Any]], tuple[int, int]]
    stream_usage: Callable[[list[Event]], tuple[int, int]]
    is_error: Callable[[Event], bool]
    is_clean_end: Callable[[Event], bool]


def _chat_delta(event: Event) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in event.get("choices", ()))


def _two(usage: dict[str, int], first: str, second: str) -> tuple[int, int]:
    return usage[first], usage[second]


APIS = {
    "chat": Api(
        "/chat/completions",
        lambda text: {
            "messages": [{"role": "user", "content": text}],
            "stream_options": {"include_usage": True},
        },
        lambda answer: answer["choices"][0]["message"]["content"],
        _chat_delta,
        lambda answer: _two(answer["usage"], "prompt_tokens", "completion_tokens"),
        lambda events: _two(events[-1]["usage"], "prompt_tokens", "completion_tokens"),
        lambda event: "error" in event,
        lambda event: any(choice.get("finish_reason") for choice in event.get("choices", ())),
    ),
    "responses": Api(
        "/responses",
        lambda text: {"input": text},
        lambda answer: answer["output"][0]["content"][0]["text"],
        lambda event: event["delta"] if event["type"] == "response.output_text.delta" else "",
        lambda answer: _two(answer["usage"], "input_tokens", "output_tokens"),
        lambda events: _two(events[-1]["response"]["usage"], "input_tokens", "output_tokens"),
        lambda event: event["type"] in {"error", "response.failed"},
        lambda event: event["type"] == "response.completed",
    ),
    "messages": Api(
        "/messages",
        lambda text: {"max_tokens": 500, "messages": [{"role": "user", "content": text}]},
        lambda answer: answer["content"][0]["text"],
        lambda event: event.get("delta", {}).get("text", ""),
        lambda answer: _two(answer["usage"], "input_tokens", "output_tokens"),
        lambda events: next(
            _two(event["usage"], "input_tokens", "output_tokens")
            for event in events
            if event["type"] == "message_delta"
        ),
        lambda event: event["type"] == "error",
        lambda event: event["type"] == "message_stop",
    ),
}


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capture]:
    with capture_upstream(tmp_path_factory.mktemp("upstream")) as capture:
        yield capture


@pytest.fixture(scope="module")
def deployment(capture: Capture, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("gateway")
    with gateway(directory, settings(directory, capture.url)) as deployment:
        yield deployment


@pytest.fixture
def fresh(capture: Capture) -> Capture:
    capture.reset()
    return capture


def ask(deployment: Deployment, api: Api, text: str) -> httpx.Response:
    return httpx.post(
        deployment.base_url + api.path,
        headers={"authorization": f"Bearer {KEYS['acme']}"},
        json=_body(api, text, stream=False),
        timeout=30,
    )


def _body(api: Api, text: str, *, stream: bool) -> dict[str, Any]:
    body = {"model": "sov-flash", **api.body(text), "stream": stream}
    if not stream:
        body.pop("stream_options", None)
    return body


async def stream(
    deployment: Deployment, api: Api, text: str, tenant: str = "acme"
) -> tuple[int, list[Event]]:
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream(
            "POST",
            deployment.base_url + api.path,
            headers={"authorization": f"Bearer {KEYS[tenant]}"},
            json=_body(api, text, stream=True),
        ) as response,
    ):
        raw = (await response.aread()).decode()
    lines = [line[6:] for line in raw.splitlines() if line.startswith("data: ")]
    return response.status_code, [json.loads(line) for line in lines if line != "[DONE]"]


@pytest.mark.parametrize("name", APIS)
async def test_a_stream_says_what_a_whole_answer_says(
    deployment: Deployment, fresh: Capture, name: str
) -> None:
    api = APIS[name]
    fresh.script(content="The quick brown fox meets {echo}, and the lazy dog sleeps.")
    text = "Greta Vogel of greta.vogel@example.com"
    status, events = await stream(deployment, api, text)
    streamed = "".join(map(api.delta, events))
    assert status == 200
    assert streamed == f"The quick brown fox meets {text}, and the lazy dog sleeps."
    assert api.text(ask(deployment, api, text).json()) == streamed


@pytest.mark.parametrize("name", APIS)
async def test_usage_and_cost_are_the_upstream_s(
    deployment: Deployment, fresh: Capture, name: str
) -> None:
    api = APIS[name]
    fresh.script(usage=USAGE)
    answer = ask(deployment, api, "Hello")
    assert api.usage(answer.json()) == (100, 50)
    assert Decimal(answer.headers["x-sovgate-cost-usd"]) == COST
    _, events = await stream(deployment, api, "Hello")
    assert api.stream_usage(events) == (100, 50)


async def test_streams_at_once_never_mix(deployment: Deployment, fresh: Capture) -> None:
    fresh.script(content="For {echo} only", event_delay_s=0.003)
    asked = [
        (list(APIS.values())[number % 3], f"person{number}@example.com", list(KEYS)[number % 2])
        for number in range(24)
    ]
    answers = await asyncio.gather(
        *(stream(deployment, api, text, tenant) for api, text, tenant in asked)
    )
    said = [
        "".join(map(api.delta, events))
        for (api, _, _), (_, events) in zip(asked, answers, strict=True)
    ]
    assert said == [f"For {text} only" for _, text, _ in asked]


@pytest.mark.parametrize("name", APIS)
async def test_a_stream_that_broke_off_is_no_success(
    deployment: Deployment, fresh: Capture, name: str
) -> None:
    api = APIS[name]
    fresh.script(content="This will never come to its end", break_after=4)
    status, events = await stream(deployment, api, "Hello")
    assert status == 200
    assert "".join(map(api.delta, events)).startswith("This")
    assert any(map(api.is_error, events))
    assert not any(map(api.is_clean_end, events))


@pytest.mark.parametrize("name", APIS)
@pytest.mark.parametrize(("upstream", "status"), [(500, 502), (503, 502), (429, 429), (400, 400)])
def test_an_upstream_s_refusal_keeps_its_kind(
    deployment: Deployment, fresh: Capture, name: str, upstream: int, status: int
) -> None:
    fresh.script(status=upstream)
    answer = ask(deployment, APIS[name], "Hello")
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["type"]
    assert error["message"]
