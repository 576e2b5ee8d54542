"""Answers from the cache, through a real gateway: whose they are, what they cost, what is kept."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import yaml
from openai import OpenAI
from redis import Redis

from support.deployment import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    KEYS,
    Capture,
    Deployment,
    capture_upstream,
    gateway,
    settings,
)
from support.processes import answers, free_port, running

CACHES = {"exact": True, "semantic": {"model": "words", "threshold": 0.8}, "hit_price": "0.25"}
POLICIES = {
    "default": {"zones": ["onprem", "lab"], "cache": CACHES},
    "plain": {},
}


def with_embeddings(content: dict[str, Any], url: str) -> dict[str, Any]:
    content["upstreams"].append(
        {"name": "words", "kind": "openai", "base_url": f"{url}/v1", "zone": "lab",
         "models": ["words"]}
    )  # fmt: skip
    content["prices"].append(
        {"model": "words", "effective_from": "2026-01-01", "input": "0.02", "output": "0"}
    )
    content["bootstrap"]["tenants"].append(
        {"name": "plain", "policy": "plain", "keys": [{"name": "app", "env": "SOV_KEY_PLAIN"}]}
    )
    return content


@pytest.fixture(scope="module")
def embeddings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(
        [sys.executable, "-m", "support.embedding_upstream", str(port)],
        ready=answers(f"{url}/v1/models"),
        log=tmp_path_factory.mktemp("words") / "log",
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
    ):
        yield url


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capture]:
    with capture_upstream(tmp_path_factory.mktemp("capture")) as capture:
        yield capture


@pytest.fixture(scope="module")
def caching(
    tmp_path_factory: pytest.TempPathFactory,
    upstream: Capture,
    embeddings: str,
    _valkey_server: str,
) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("caching")
    shared = {"url": _valkey_server}
    content = settings(directory, upstream.url, policies=POLICIES, redis=shared)
    content = with_embeddings(content, embeddings)
    with gateway(directory, content, env={"SOV_KEY_PLAIN": "sov-plain-key"}) as deployment:
        yield deployment


@pytest.fixture
def seen(upstream: Capture) -> Capture:
    upstream.reset()
    upstream.script(content="You said: {echo}")
    return upstream


def ask(
    deployment: Deployment, content: Any, *, tenant: str = "acme", headers: Any = None, **more: Any
) -> httpx.Response:
    key = {**KEYS, "plain": "sov-plain-key"}[tenant]
    body = {"model": "any-model", "messages": [{"role": "user", "content": content}], **more}
    sent = {"authorization": f"Bearer {key}", **(headers or {})}
    answer = httpx.post(
        f"{deployment.base_url}/chat/completions", json=body, headers=sent, timeout=30
    )
    assert answer.status_code == 200, answer.text
    return answer


def said(answer: httpx.Response) -> str:
    return answer.json()["choices"][0]["message"]["content"]


def record(deployment: Deployment, request_id: str, tenant: str = "acme") -> dict[str, Any]:
    """The audit record, as soon as it has joined the trail."""
    with httpx.Client(base_url=f"{deployment.url}/admin/api/v1", timeout=30) as admin:
        login = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
        assert admin.post("/login", json=login).status_code == 200
        until = time.monotonic() + 30
        while time.monotonic() < until:
            found = admin.get(f"/tenants/{tenant}/audit/records/{request_id}")
            if found.status_code == 200:
                return found.json()["record"]["body"]
            time.sleep(0.05)
    raise AssertionError("no record")


def test_the_same_request_is_asked_once(caching: Deployment, seen: Capture) -> None:
    first, second = (ask(caching, "What is a ledger?", temperature=0) for _ in range(2))
    assert [each.headers["x-sovgate-cache"] for each in (first, second)] == ["miss", "hit"]
    assert said(first) == said(second) == "You said: What is a ledger?"
    assert len(seen.seen()) == 1
    assert first.json()["id"] != second.json()["id"]
    assert second.json()["usage"]["prompt_tokens_details"]["cached_tokens"] == 11
    assert second.headers["x-sovgate-upstream"] == "cache"


def test_a_hit_has_the_values_of_the_request_that_gets_it(
    caching: Deployment, seen: Capture
) -> None:
    first = ask(caching, "Write to anna.lang@example.com about the cache, please.")
    second = ask(caching, "Write to otto.kurz@example.org about the cache, please.")
    assert second.headers["x-sovgate-cache"] == "hit"
    assert said(first) == "You said: Write to anna.lang@example.com about the cache, please."
    assert said(second) == "You said: Write to otto.kurz@example.org about the cache, please."
    assert "example" not in str(seen.seen())


def test_a_hit_is_billed_and_recorded_as_one(caching: Deployment, seen: Capture) -> None:
    first, second = (ask(caching, "How are hits billed?", model="sov-flash") for _ in range(2))
    # 11 tokens in at 0.15, then a quarter of 11 cached ones at 0.003; 7 out at 0.60.
    assert first.headers["x-sovgate-cost-usd"] == "0.00000585"
    assert second.headers["x-sovgate-cost-usd"] == "0.00000105825"
    kept = record(caching, second.headers["x-sovgate-request-id"])
    assert kept["upstream"] is None
    assert kept["cache"]["kind"] == "exact"
    assert kept["cache"]["request_id"] == first.headers["x-sovgate-request-id"]
    assert kept["tokens"]["cached_input"] == 11
    assert kept["cost"] == "0.00000105825"


@pytest.mark.parametrize("kept_streamed", [False, True])
def test_a_hit_comes_plain_or_streamed_whatever_was_kept(
    caching: Deployment, seen: Capture, kept_streamed: bool
) -> None:
    seen.script(content="One two three", reasoning="Hm", tool_arguments='{"to": "you"}')
    text = f"Call the tool, kept streamed: {kept_streamed}"
    with OpenAI(base_url=caching.base_url, api_key=KEYS["acme"], max_retries=0) as client:

        def fetch(stream: bool) -> tuple[str, str, str, int]:
            messages: Any = [{"role": "user", "content": text}]
            if not stream:
                answer = client.chat.completions.create(model="any-model", messages=messages)
                message: Any = answer.choices[0].message
                call = message.tool_calls[0].function.arguments
                assert answer.usage is not None
                return message.content, message.reasoning_content, call, answer.usage.total_tokens
            content = reasoning = call = ""
            total = 0
            for event in client.chat.completions.create(
                model="any-model",
                messages=messages,
                stream=True,
                stream_options={"include_usage": True},
            ):
                for choice in event.choices:
                    delta: Any = choice.delta
                    content += delta.content or ""
                    reasoning += getattr(delta, "reasoning_content", None) or ""
                    for part in delta.tool_calls or ():
                        call += part.function.arguments
                total = event.usage.total_tokens if event.usage else total
            return content, reasoning, call, total

        expected = ("One two three", "Hm", '{"to": "you"}', 18)
        assert fetch(kept_streamed) == expected
        assert fetch(not kept_streamed) == expected
        assert fetch(kept_streamed) == expected
    assert len(seen.seen()) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("messages", {"max_tokens": 50, "messages": [{"role": "user", "content": "Anybody?"}]}),
        ("responses", {"input": "Anybody?"}),
    ],
)
def test_the_other_surfaces_word_a_hit_in_their_own_way(
    caching: Deployment, seen: Capture, path: str, body: dict[str, Any]
) -> None:
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    url = f"{caching.base_url}/{path}"
    plain = [
        httpx.post(url, json={"model": "any-model", **body}, headers=headers, timeout=30)
        for _ in range(2)
    ]
    assert [each.headers["x-sovgate-cache"] for each in plain] == ["miss", "hit"]
    assert all("You said: Anybody?" in each.text for each in plain)
    assert plain[0].json()["id"] != plain[1].json()["id"]
    streamed = httpx.post(
        url, json={"model": "any-model", **body, "stream": True}, headers=headers, timeout=30
    )
    assert streamed.headers["x-sovgate-cache"] == "hit"
    assert "You said: Anybody?" in streamed.text
    assert "event: message_stop" in streamed.text or "response.completed" in streamed.text
    assert len(seen.seen()) == 1


def test_no_tenant_gets_anothers_answer(caching: Deployment, seen: Capture) -> None:
    ask(caching, "Whose answer is this?")
    other = ask(caching, "Whose answer is this?", tenant="globex")
    assert other.headers["x-sovgate-cache"] == "miss"
    assert len(seen.seen()) == 2


def test_a_tenant_without_a_cache_has_none(caching: Deployment, seen: Capture) -> None:
    both = [ask(caching, "Is there a cache?", tenant="plain") for _ in range(2)]
    assert all("x-sovgate-cache" not in answer.headers for answer in both)
    assert len(seen.seen()) == 2


@pytest.mark.parametrize(
    ("headers", "result", "next_result"),
    [
        ({"cache-control": "no-store"}, "bypass", "hit"),
        ({"x-sovgate-cache": "off"}, "bypass", "hit"),
        ({"cache-control": "no-cache"}, "miss", "hit"),
        ({"x-sovgate-cache": "refresh"}, "miss", "hit"),
    ],
)
def test_the_client_decides(
    caching: Deployment, seen: Capture, headers: dict[str, str], result: str, next_result: str
) -> None:
    text = f"What do headers do? {sorted(headers.items())}"
    ask(caching, text)
    seen.script(content="Another answer")
    asked = ask(caching, text, headers=headers)
    assert (asked.headers["x-sovgate-cache"], said(asked)) == (result, "Another answer")
    after = ask(caching, text)
    assert after.headers["x-sovgate-cache"] == next_result
    assert (said(after) == "Another answer") == (result == "miss")


def test_a_header_that_says_nothing_is_refused(caching: Deployment) -> None:
    answer = httpx.post(
        f"{caching.base_url}/chat/completions",
        json={"model": "any-model", "messages": [{"role": "user", "content": "Hello."}]},
        headers={"authorization": f"Bearer {KEYS['acme']}", "x-sovgate-cache": "perhaps"},
        timeout=30,
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "x-sovgate-cache"


def test_what_changes_the_answer_changes_the_key(caching: Deployment, seen: Capture) -> None:
    exact = {"x-sovgate-cache": "exact"}
    variants: list[dict[str, Any]] = [
        {}, {"temperature": 1}, {"max_tokens": 5}, {"n": 2}, {"seed": 1},
        {"reasoning_effort": "low"},
        {"tools": [{"type": "function", "function": {"name": "send", "parameters": {}}}]},
        {"model": "sov-pro"}, {"model": "think-max"}, {"response_format": {"type": "json_object"}},
    ]  # fmt: skip
    for variant in variants:
        answer = ask(caching, "Count the variants.", headers=exact, **variant)
        assert answer.headers["x-sovgate-cache"] == "miss", variant
    same: list[dict[str, Any]] = [{"user": "u1"}, {"temperature": 1.0}, {"metadata": {"a": "b"}}]
    for variant in same:
        answer = ask(caching, "Count the variants.", headers=exact, **variant)
        assert answer.headers["x-sovgate-cache"] == "hit", variant


@pytest.mark.parametrize(
    "script",
    [
        {"finish_reason": "content_filter"},
        {"finish_reason": None},
        {"status": 500},
        {"break_after": 2},
    ],
)
def test_what_did_not_end_well_is_not_kept(
    caching: Deployment, seen: Capture, script: dict[str, Any]
) -> None:
    finish = script.pop("finish_reason", "stop")
    if finish != "stop":
        choice = {"index": 0, "message": {"content": "x"}, "finish_reason": finish}
        body = httpx.Response(200, json={"object": "chat.completion", "choices": [choice]}).text
        seen.script(body=body)
    else:
        seen.script(**script)
    request = {"model": "any-model", "messages": [{"role": "user", "content": f"Fail: {script}"}]}
    request["stream"] = "break_after" in script
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    for _ in range(2):
        answer = httpx.post(
            f"{caching.base_url}/chat/completions", json=request, headers=headers, timeout=30
        )
        assert answer.headers["x-sovgate-cache"] == "miss"


def test_a_similar_question_gets_the_answer(
    caching: Deployment, seen: Capture, embeddings: str
) -> None:
    first = ask(caching, "Please tell me what the capital of the country France is called")
    second = ask(caching, "Please tell me how the capital of the country France is called")
    assert second.headers["x-sovgate-cache"] == "semantic-hit"
    assert said(second) == said(first)
    kept = record(caching, second.headers["x-sovgate-request-id"])
    assert kept["cache"]["kind"] == "semantic"
    assert float(kept["cache"]["similarity"]) > 0.8
    # The embedding is a request of its own, with its record and its price.
    asked = httpx.get(f"{embeddings}/seen").json()
    identifier = asked[-1]["headers"]["x-request-id"]
    own = record(caching, identifier)
    assert (own["upstream"], own["surface"]) == ("words", "cache.embeddings")
    assert own["cost"] == "0.00000024"


def test_similar_is_not_enough_for_numbers_and_values(
    caching: Deployment, seen: Capture, embeddings: str
) -> None:
    first = ask(caching, "Add the number 17 to the number 23 and tell me what the sum of both is")
    other = ask(caching, "Add the number 17 to the number 24 and tell me what the sum of both is")
    assert first.headers["x-sovgate-cache"] == other.headers["x-sovgate-cache"] == "miss"
    swapped = [
        "Who of them is older, a@example.com or maybe b@example.com, tell me that at once please",
        "a@example.com and b@example.com: who of them is older, or maybe tell me that at once now",
    ]
    # The second names them in the same order, so it is the same question with other words.
    results = [ask(caching, text).headers["x-sovgate-cache"] for text in swapped]
    assert results == ["miss", "semantic-hit"]
    assert "example" not in httpx.get(f"{embeddings}/seen").text


def test_a_hit_is_inspected_as_every_answer(caching: Deployment, seen: Capture) -> None:
    """A kept answer with a token that this request did not issue stays as it is."""
    seen.script(content="Ask [EMAIL_ADDRESS_7] or {echo}")
    first = ask(caching, "Mail x.one@example.com once more.")
    second = ask(caching, "Mail y.two@example.com once more.")
    assert second.headers["x-sovgate-cache"] == "hit"
    assert said(first) == "Ask [EMAIL_ADDRESS_7] or Mail x.one@example.com once more."
    assert said(second) == "Ask [EMAIL_ADDRESS_7] or Mail y.two@example.com once more."


def test_replicas_share_what_is_sealed(tmp_path: Path, caching: Deployment, seen: Capture) -> None:
    """Another process over the same data: what one kept, the other finds, and nobody can read."""
    content = yaml.safe_load(caching.config.read_text())
    content["server"]["port"] = free_port()
    with gateway(tmp_path, content, env={"SOV_KEY_PLAIN": "sov-plain-key"}) as other:
        secretive = "Tell nobody that the mailbox of the treasurer is t.reasure@example.com"
        first = ask(caching, secretive)
        assert first.headers["x-sovgate-cache"] == "miss"
        with Redis.from_url(content["redis"]["url"]) as redis:
            until = time.monotonic() + 30
            while (second := ask(other, secretive)).headers["x-sovgate-cache"] != "hit":
                assert time.monotonic() < until, "nothing was shared"
            answers = redis.keys("sovgate:answer:*")
            questions = redis.keys("sovgate:questions:*")
            assert answers
            assert questions
            for key in answers:
                assert b"treasurer" not in cast(bytes, redis.get(key))
                assert 0 < redis.ttl(key) <= 3600
            for key in questions:
                assert 0 < redis.ttl(key) <= 3600
        assert said(second) == said(first)
        similar = "Tell nobody that the mailbox of our treasurer is t.reasure@example.com"
        assert ask(other, similar).headers["x-sovgate-cache"] == "semantic-hit"
