"""A third party's server behind the gateway: llama.cpp's own, with a real model."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI

from support.deployment import KEYS, Deployment, gateway, settings
from support.llama_server import REASONING, THINKING
from support.processes import answers, free_port, running

pytestmark = pytest.mark.slow
QUESTION = [{"role": "user", "content": "What colour is the sky?"}]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("llama")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(
        [sys.executable, "-m", "support.llama_server", str(port)],
        ready=answers(f"{url}/health"),
        log=directory / "llama.log",
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
    ):
        content = settings(directory, url)
        content["upstreams"] += [
            {
                "name": "llama",
                "kind": "openai",
                "base_url": f"{url}/v1",
                "zone": "onprem",
                "models": ["smollm2"],
                "dialect": "llamacpp",
            },
            {
                "name": "llama-pool",
                "kind": "pool",
                "workers": [url],
                "zone": "onprem",
                "models": ["smollm2-pool"],
                "dialect": "llamacpp",
            },
        ]
        content["prices"].append(
            {
                "model": "smollm2",
                "effective_from": "2026-01-01",
                "input": "1",
                "cached_input": "0.1",
                "output": "2",
            }
        )
        with gateway(directory, content) as running_gateway:
            yield running_gateway


@pytest.fixture(scope="module")
def client(deployment: Deployment) -> Iterator[OpenAI]:
    with OpenAI(base_url=deployment.base_url, api_key=KEYS["acme"], max_retries=0) as client:
        yield client


def ask(client: OpenAI, messages: Any = QUESTION, model: str = "smollm2", **more: Any) -> Any:
    return client.chat.completions.create(
        model=model, messages=messages, max_tokens=8, temperature=0, **more
    )


def test_an_answer(client: OpenAI) -> None:
    answer = ask(client)

    assert "sky" in answer.choices[0].message.content
    assert answer.usage.completion_tokens == 8


def test_a_stream(client: OpenAI) -> None:
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "sky" in text
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 8


def test_a_pool_of_them(client: OpenAI) -> None:
    assert "sky" in ask(client, model="smollm2-pool").choices[0].message.content


def test_what_its_cache_held_costs_less(client: OpenAI) -> None:
    story: Any = [{"role": "user", "content": "Tell me why rivers run to the sea."}]
    ask(client, story)
    response = client.chat.completions.with_raw_response.create(
        model="smollm2", messages=story, max_tokens=8, temperature=0
    )
    usage = response.parse().usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    cached = usage.prompt_tokens_details.cached_tokens or 0
    assert cached > 0
    micros = (usage.prompt_tokens - cached) * 10 + cached + usage.completion_tokens * 20
    assert float(response.headers["x-sovgate-cost-usd"]) == pytest.approx(micros / 1e7, abs=1e-12)


def test_thinking_reaches_the_template(client: OpenAI) -> None:
    def prompt_tokens(**body: Any) -> int:
        return ask(client, extra_body=body).usage.prompt_tokens

    off = prompt_tokens()
    assert prompt_tokens(thinking={"type": "enabled"}) == off + THINKING
    assert prompt_tokens(reasoning_effort="high") == off + THINKING
    assert prompt_tokens(chat_template_kwargs={"enable_thinking": True}) == off + THINKING
    assert prompt_tokens(reasoning_effort="none") == off


def test_reasoning_of_earlier_turns_reaches_the_template(client: OpenAI) -> None:
    def prompt_tokens(**more: Any) -> int:
        answer = {"role": "assistant", "content": "Hello.", **more}
        return ask(client, [*QUESTION, answer, *QUESTION]).usage.prompt_tokens

    without = prompt_tokens()
    assert prompt_tokens(reasoning="I greet.") == without + REASONING


def test_a_developers_message_and_a_schema(client: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    messages = [{"role": "developer", "content": "Answer in JSON."}, *QUESTION]
    answer = client.chat.completions.create(
        model="smollm2",
        messages=messages,  # type: ignore[arg-type]
        response_format=form,  # type: ignore[arg-type]
        max_completion_tokens=32,
        temperature=0,
    )

    assert isinstance(json.loads(answer.choices[0].message.content or "")["n"], int)


def test_its_refusal_is_the_clients_own(client: OpenAI, deployment: Deployment) -> None:
    response = httpx.post(
        f"{deployment.base_url}/chat/completions",
        json={"model": "smollm2", "messages": [{"role": "user", "content": "word " * 3000}]},
        headers={"authorization": f"Bearer {KEYS['acme']}"},
        timeout=30,
    )

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "upstream_rejected"
    assert "context size" in response.json()["error"]["message"]
