"""litellm's providers, each in its own protocol, behind a real gateway."""

import json
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from anthropic import Anthropic
from pydantic import ValidationError

from gateway.settings import UpstreamSettings
from support.deployment import KEYS, Deployment, gateway, settings
from support.processes import answers, free_port, running
from support.provider_upstream import KEY_IN_ERROR, SIGNATURE, THOUGHT

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
HEADERS = {"authorization": f"Bearer {KEYS['acme']}"}
SECRETS = {
    "TEST_PROVIDER_KEY": "provider-key",
    "TEST_AWS_ID": "AKIATEST",
    "TEST_AWS_SECRET": "aws-secret-key",
}
ENDINGS = ["ok", "think", "hang", "limited", "long", "refused", "broken", "unknown-key"]
STEMS = {
    "anthropic": "claude-opus-4-7",
    "azure": "deployment",
    "bedrock": "anthropic.claude-opus",
    "gemini": "gemini-3-pro",
}
TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]


@dataclass(frozen=True)
class Providers:
    """The process that speaks for all of them, and the gateway in front."""

    url: str
    deployment: Deployment

    def captured(self) -> dict[str, Any]:
        return httpx.get(f"{self.url}/captured").json()

    def last(self) -> dict[str, Any]:
        return self.captured()["seen"][-1]

    def ask(self, model: str, text: str = "Paris", **body: Any) -> httpx.Response:
        given = {"model": model, "messages": [{"role": "user", "content": text}]}
        url = f"{self.deployment.base_url}/chat/completions"
        return httpx.post(url, json={**given, **body}, headers=HEADERS, timeout=30)

    def events(self, model: str, text: str = "Paris", **body: Any) -> list[dict[str, Any]]:
        response = self.ask(model, text, stream=True, **body)
        assert response.status_code == 200, response.text
        lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
        assert lines[-1] == "[DONE]"
        return [json.loads(line) for line in lines[:-1]]


@pytest.fixture(scope="module")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Providers]:
    directory = tmp_path_factory.mktemp("providers")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "support.provider_upstream", str(port)]
    log = directory / "provider.log"
    with running(command, ready=answers(f"{url}/captured"), log=log, env={"PYTHONPATH": str(ROOT)}):
        content = settings(directory, url)
        content["upstreams"] = [*content["upstreams"], *upstreams(url)]
        with gateway(directory, content, env=SECRETS) as deployment:
            yield Providers(url, deployment)


def upstreams(url: str) -> list[dict[str, Any]]:
    more: dict[str, dict[str, Any]] = {
        "anthropic": {"model_prefix": "anthropic", "api_key_env": "TEST_PROVIDER_KEY"},
        "azure": {
            "model_prefix": "azure",
            "api_key_env": "TEST_PROVIDER_KEY",
            "params": {"api_version": "2026-10-01"},
        },
        "bedrock": {
            "model_prefix": "bedrock/converse",
            "params": {"aws_region_name": "eu-central-1"},
            "params_env": {
                "aws_access_key_id": "TEST_AWS_ID",
                "aws_secret_access_key": "TEST_AWS_SECRET",
            },
        },
        "gemini": {"model_prefix": "gemini", "api_key_env": "TEST_PROVIDER_KEY"},
    }
    return [
        {
            "name": name,
            "kind": "litellm",
            "zone": "onprem",
            "base_url": url,
            "models": [f"{STEMS[name]}-{ending}" for ending in ENDINGS],
            **fields,
        }
        for name, fields in more.items()
    ]


each = pytest.mark.parametrize("name", sorted(STEMS))
USAGE = {
    "anthropic": {"prompt_tokens": 46, "completion_tokens": 7, "cached": 30},
    "azure": {"prompt_tokens": 11, "completion_tokens": 7, "cached": 4},
    "bedrock": {"prompt_tokens": 46, "completion_tokens": 7, "cached": 30},
    "gemini": {"prompt_tokens": 41, "completion_tokens": 12, "cached": 30},
}


def counts(usage: dict[str, Any]) -> dict[str, int]:
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    return {**{key: usage[key] for key in ("prompt_tokens", "completion_tokens")}, "cached": cached}


@each
def test_a_whole_answer(providers: Providers, name: str) -> None:
    """The provider sees no address, the client its own again."""
    response = providers.ask(f"{STEMS[name]}-ok", "Write to jane.roe@example.com")

    assert response.status_code == 200, response.text
    (choice,) = response.json()["choices"]
    assert choice["message"]["content"] == "You said: Write to jane.roe@example.com"
    assert choice["finish_reason"] == "stop"
    assert counts(response.json()["usage"]) == USAGE[name]
    assert "jane.roe" not in json.dumps(providers.captured()["seen"])
    assert "provider_specific_fields" not in response.text


@each
def test_a_stream(providers: Providers, name: str) -> None:
    events = providers.events(f"{STEMS[name]}-ok", "Write to jane.roe@example.com")

    text = "".join(event["choices"][0]["delta"].get("content") or "" for event in events)
    assert text == "You said: Write to jane.roe@example.com"
    assert [event["choices"][0]["finish_reason"] for event in events][-1] == "stop"
    assert not any("usage" in event for event in events), "nobody asked for it"
    assert len({event["id"] for event in events}) == 1


@each
def test_usage_of_a_stream(providers: Providers, name: str) -> None:
    options: dict[str, Any] = {"stream_options": {"include_usage": True}}
    *others, last = providers.events(f"{STEMS[name]}-ok", **options)

    assert last["choices"] == []
    assert counts(last["usage"]) == USAGE[name]
    assert not any("usage" in event for event in others)


THINKERS = ["anthropic", "bedrock", "gemini"]


@pytest.mark.parametrize("name", THINKERS)
def test_thinking_and_a_call(providers: Providers, name: str) -> None:
    body = {"tools": TOOLS, "reasoning_effort": "high"}
    response = providers.ask(f"{STEMS[name]}-think", **body)

    (choice,) = response.json()["choices"]
    message = choice["message"]
    assert message["reasoning_content"] == THOUGHT
    (call,) = message["tool_calls"]
    assert call["function"]["name"] == "look_up"
    assert json.loads(call["function"]["arguments"]) == {"city": "Paris"}
    assert (choice["finish_reason"], message["content"]) == ("tool_calls", None)

    deltas = [
        event["choices"][0]["delta"] for event in providers.events(f"{STEMS[name]}-think", **body)
    ]
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == THOUGHT
    calls = [call for delta in deltas for call in delta.get("tool_calls") or ()]
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"city": "Paris"}


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
def test_thinking_goes_back_signed(providers: Providers, name: str) -> None:
    model, body = f"{STEMS[name]}-think", {"tools": TOOLS, "reasoning_effort": "high"}
    message = providers.ask(model, **body).json()["choices"][0]["message"]
    turns = [
        {"role": "user", "content": "Paris"},
        message,
        {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "Rain."},
    ]
    assert providers.ask(model, **body, messages=turns).status_code == 200

    block = providers.last()["body"]["messages"][1]["content"][0]
    expected = {
        "anthropic": {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE},
        "bedrock": {
            "reasoningContent": {"reasoningText": {"text": THOUGHT, "signature": SIGNATURE}}
        },
    }
    assert block == expected[name]


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
@pytest.mark.parametrize("streams", [False, True])
def test_messages_keep_an_upstreams_signature(
    providers: Providers, name: str, streams: bool
) -> None:
    """Through the Messages surface it comes and goes within the gateway's own."""
    asked: dict[str, Any] = {
        "model": f"{STEMS[name]}-think",
        "max_tokens": 4000,
        "tools": [{"name": "look_up", "input_schema": {"type": "object"}}],
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "system": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}],
    }
    turns: list[Any] = [{"role": "user", "content": "Paris"}]
    with Anthropic(base_url=providers.deployment.url, api_key=KEYS["acme"]) as client:
        if streams:
            with client.messages.stream(**asked, messages=turns) as running:
                message = running.get_final_message()
        else:
            message = client.messages.create(**asked, messages=turns)
        blocks: list[Any] = list(message.content)
        thinking, call = blocks
        assert (thinking.type, call.type) == ("thinking", "tool_use")
        assert thinking.thinking == THOUGHT
        assert call.input == {"city": "Paris"}
        used = message.usage
        assert (used.input_tokens, used.cache_read_input_tokens) == (11, 30)
        assert used.cache_creation_input_tokens == 5
        turns.append({"role": "assistant", "content": [thinking, call]})
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "Rain."}
        turns.append({"role": "user", "content": [result]})
        client.messages.create(**asked, messages=turns)

    sent = providers.last()["body"]
    text = {"text": THOUGHT, "signature": SIGNATURE}
    assert sent["messages"][1]["content"][0] == (
        {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}
        if name == "anthropic"
        else {"reasoningContent": {"reasoningText": text}}
    )
    if name == "anthropic":
        assert sent["system"][0]["cache_control"] == {"type": "ephemeral"}


def test_effort_is_said_in_each_providers_words(providers: Providers) -> None:
    for name in ("anthropic", "azure", "gemini"):
        providers.ask(f"{STEMS[name]}-ok", reasoning_effort="low", temperature=0.5)
        body = providers.last()["body"]
        if name == "anthropic":
            assert body["thinking"]["type"] == "adaptive"
            assert body["output_config"] == {"effort": "low"}
            assert "temperature" not in body
        elif name == "azure":
            assert body["reasoning_effort"] == "low"
            assert "max_completion_tokens" in body
        else:
            assert body["generationConfig"]["thinkingConfig"]["thinkingLevel"] == "low"


def test_keys_and_parameters_reach_the_provider(providers: Providers) -> None:
    def sent(name: str) -> dict[str, Any]:
        providers.ask(f"{STEMS[name]}-ok")
        return providers.last()

    assert sent("anthropic")["headers"]["x-api-key"] == "provider-key"
    azure = sent("azure")
    assert azure["headers"]["api-key"] == "provider-key"
    assert azure["query"] == {"api-version": "2026-10-01"}
    assert "/deployments/deployment-ok/" in azure["path"]
    signed = sent("bedrock")["headers"]["authorization"]
    assert "Credential=AKIATEST/" in signed
    assert "/eu-central-1/bedrock/" in signed


@each
def test_the_clients_trace_goes_along(providers: Providers, name: str) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    body = {"model": f"{STEMS[name]}-ok", "messages": [{"role": "user", "content": "Paris"}]}
    headers = {**HEADERS, "traceparent": trace}
    url = f"{providers.deployment.base_url}/chat/completions"
    response = httpx.post(url, json=body, headers=headers, timeout=30)

    assert response.status_code == 200, response.text
    assert providers.last()["headers"]["traceparent"] == trace


@each
@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        ("limited", 429, "upstream_rate_limited"),
        ("refused", 400, "upstream_rejected"),
        ("long", 400, "upstream_rejected"),
        ("broken", 502, "upstream_error"),
        ("unknown-key", 502, "upstream_error"),
    ],
)
def test_errors_tell_their_kind_and_nothing_else(
    providers: Providers, name: str, ending: str, status: int, code: str
) -> None:
    for stream in (False, True):
        response = providers.ask(f"{STEMS[name]}-{ending}", stream=stream)

        if response.status_code == 200:  # some learn of it when they read the stream
            assert stream
            error = json.loads(response.text.strip().splitlines()[-1][6:])["error"]
        else:
            assert response.status_code == status, response.text
            error = response.json()["error"]
        assert error["code"] == code
        assert KEY_IN_ERROR not in response.text
        if ending == "limited" and not stream:
            assert response.headers["retry-after"] == "7"
    assert KEY_IN_ERROR not in providers.deployment.server.output()


def test_a_prompt_that_is_too_long_is_called_so(providers: Providers) -> None:
    message = providers.ask(f"{STEMS['anthropic']}-long").json()["error"]["message"]

    assert "longer than the model's context" in message


@each
def test_hanging_up_stops_the_provider(providers: Providers, name: str) -> None:
    before = providers.captured()["aborted"]
    body = {
        "model": f"{STEMS[name]}-hang",
        "messages": [{"role": "user", "content": "a long story"}],
        "stream": True,
    }
    url = f"{providers.deployment.base_url}/chat/completions"
    with httpx.stream("POST", url, json=body, headers=HEADERS, timeout=30) as response:
        next(response.iter_lines())
    deadline = time.monotonic() + 20
    while providers.captured()["aborted"] == before:
        assert time.monotonic() < deadline, "the provider still streams"
        time.sleep(0.05)


def test_a_client_steers_no_call(providers: Providers) -> None:
    """litellm takes addresses, keys and mocks as keywords; a client's never arrive."""
    theirs = {
        "api_base": "http://127.0.0.1:1",
        "base_url": "http://127.0.0.1:1",
        "api_key": "theirs",
        "mock_response": "mocked",
        "custom_llm_provider": "openai",
        "extra_headers": {"x-theirs": "1"},
        "extra_body": {"theirs": 1},
        "fallbacks": ["openai/gpt-5"],
        "timeout": 0.001,
        "aws_access_key_id": "theirs",
        "vertex_project": "theirs",
        "litellm_params": {"api_base": "http://127.0.0.1:1"},
        "metadata": {"theirs": "1"},
    }
    for name in STEMS:
        response = providers.ask(f"{STEMS[name]}-ok", **theirs)

        assert response.json()["choices"][0]["message"]["content"] == "You said: Paris"
        assert "theirs" not in json.dumps(providers.last())


def test_embeddings(providers: Providers) -> None:
    response = httpx.post(
        f"{providers.deployment.base_url}/embeddings",
        json={"model": "deployment-ok", "input": "Write to jane.roe@example.com"},
        headers=HEADERS,
        timeout=30,
    )

    assert response.status_code == 200, response.text
    assert response.json()["data"][0]["embedding"] == [0.5, -0.25]
    assert response.json()["usage"]["prompt_tokens"] == 3
    assert providers.last()["path"].endswith("/deployments/deployment-ok/embeddings")
    assert "jane.roe" not in json.dumps(providers.last()["body"])


@pytest.mark.parametrize("name", ["bedrock", "gemini"])
def test_pictures_are_not_fetched_for_a_provider(providers: Providers, name: str) -> None:
    seen = len(providers.captured()["seen"])
    picture = {"type": "image_url", "image_url": {"url": f"{providers.url}/captured"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What?"}, picture]}]
    response = providers.ask(f"{STEMS[name]}-ok", messages=messages)

    assert response.status_code == 400
    assert "data: URL" in response.json()["error"]["message"]
    assert len(providers.captured()["seen"]) == seen

    png = b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
    picture["image_url"] = {"url": f"data:image/png;base64,{png}"}
    assert providers.ask(f"{STEMS[name]}-ok", messages=messages).status_code == 200
    assert png in json.dumps(providers.last()["body"])


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"params": {"aws_secret_access_key": "s"}}, "params_env"),
        ({"params": {"vertex_credentials": "s"}}, "params_env"),
        ({"params": {"aws_bedrock_runtime_endpoint": "http://x"}}, "base_url"),
        ({"params_env": {"azure_base": "X"}}, "base_url"),
        ({"params": {"api_base": "http://x"}}, "pattern"),
        ({"params": {"mock_response": "x"}}, "pattern"),
        ({"kind": "openai", "base_url": "http://x/v1", "params": {"api_version": "1"}}, "litellm"),
    ],
)
def test_parameters_that_are_refused(fields: dict[str, Any], says: str) -> None:
    given = {"name": "u", "kind": "litellm", "zone": "z", "models": ["m"], "model_prefix": "azure"}
    with pytest.raises(ValidationError, match=says):
        UpstreamSettings.model_validate(given | fields)
