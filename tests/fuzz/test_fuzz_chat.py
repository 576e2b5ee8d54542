"""Any JSON and any bytes as a chat request, against a real gateway process: never a 500."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.deployment import KEYS, Deployment, capture_upstream, gateway, settings

TEXTS = st.text(
    st.one_of(st.sampled_from("\u0301\u200d\u202e\ufeff\x00[]_1@+0ab \n"), st.characters()),
    max_size=20,
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**20, 10**60),
    st.floats(),
    TEXTS,
    st.sampled_from(["data:image/png;base64,AA==", '{"a":', "[PERSON_1]", "1e400", "\ud800"]),
)
KEYS_OF_CHAT = st.sampled_from(
    [
        "role", "content", "name", "type", "text", "tool_calls", "function", "arguments", "id",
        "image_url", "url", "tools", "parameters", "properties", "required", "$ref", "stop", "n",
        "user", "stream_options", "include_usage", "thinking", "reasoning_effort", "audio",
        "max_tokens", "metadata", "prompt_cache_key", "safety_identifier", "response_format",
        "json_schema", "schema", "logprobs", "functions", "function_call", "tool_call_id",
    ]
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS_OF_CHAT | TEXTS, inner, max_size=4)
    ),
    max_leaves=12,
)
MESSAGES = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"role": st.sampled_from(["user", "system", "tool", "assistant", "?"])},
            optional={"content": VALUES, "name": VALUES, "tool_calls": VALUES, "audio": VALUES},
        ),
        VALUES,
    ),
    max_size=3,
)
BODIES = st.one_of(
    st.fixed_dictionaries(
        {"model": st.just("flash"), "messages": MESSAGES},
        optional={"stream": st.booleans() | VALUES, "tools": VALUES, "user": VALUES, "n": VALUES},
    ),
    st.dictionaries(KEYS_OF_CHAT | st.just("model") | st.just("messages"), VALUES, max_size=5),
    VALUES,
)
DEEP = 100_000


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("chat")
    with (
        capture_upstream(folder) as capture,
        gateway(folder, settings(folder, capture.url)) as deployment,
    ):
        yield deployment


@pytest.fixture(scope="module")
def client(deployment: Deployment) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    with httpx.Client(base_url=deployment.base_url, headers=headers, timeout=60) as client:
        yield client


def send(client: httpx.Client, body: bytes) -> httpx.Response:
    answer = client.post("/chat/completions", content=body)
    # The capture upstream fails at messages that it cannot read (502); all else is the request's.
    expected = (200, 400, 403, 404, 413, 429, 502)
    assert answer.status_code in expected, (answer.status_code, answer.text)
    if answer.status_code != 200:
        assert answer.json()["error"]["code"] not in ("internal_error", "gateway_error")
    elif answer.headers["content-type"].startswith("text/event-stream"):
        assert "gateway_error" not in answer.text
    return answer


@given(BODIES)
def test_any_json(client: httpx.Client, body: Any) -> None:
    send(client, json.dumps(body).encode())  # NaN and Infinity among it, which are no JSON


@given(st.binary(max_size=200))
def test_any_bytes(client: httpx.Client, body: bytes) -> None:
    assert send(client, body).json()["error"]["code"] in ("malformed_json", "invalid_request")


def chat(content: str) -> bytes:
    return b'{"model":"flash","messages":[{"role":"user","content":' + content.encode() + b"}]}"


@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        (b"[" * DEEP, {400}),
        (b'{"a":' * DEEP, {400}),
        (chat("[" * DEEP + "]" * DEEP), {400}),
        (chat("[" * 900 + "1" + "]" * 900), {400}),
        (chat('{"a":' * 900 + "1" + "}" * 900), {400}),
        (chat(json.dumps("[" * DEEP)), {200, 400}),
        (chat("9" * 5000), {200, 400}),
        (chat("1e99999"), {200, 400, 502}),
        (chat("NaN"), {400}),
        (chat('"\\ud800"'), {200, 400}),
        (chat('"\\u0000"'), {200, 400}),
        (b'{"model":"flash","model":"auto","messages":[]}', {400}),
        (b"\xef\xbb\xbf{}", {400}),
        (b'\xff\xfe{\x00"\x00', {400}),
        (
            b'{"model":"flash","messages":[{"role":"user","content":"x"}],"max_tokens":'
            + b"9" * 30
            + b"}",
            {200, 400, 429},
        ),
        (
            b'{"model":"flash","messages":[{"role":"user","content":"x"}],"tools":'
            + b'[{"function":' * 400
            + b"{}"
            + b"}]" * 400
            + b"}",
            {200, 400},
        ),
        (chat("[" + ",".join(['""'] * DEEP) + "]"), {200, 400, 413}),
        (chat("[" + ",".join(["{}"] * DEEP) + "]"), {200, 400, 413}),
        (
            b'{"model":"flash","messages":[' + b",".join([b'{"role":"user"}'] * 100_000) + b"]}",
            {400},
        ),
    ],
    ids=range(19),
)
def test_extremes_end(client: httpx.Client, body: bytes, statuses: set[int]) -> None:
    """In a time that is bounded by the client's own (60 s), so that a hang fails."""
    assert send(client, body).status_code in statuses


@given(BODIES)
def test_what_is_duplicated_is_read_once(client: httpx.Client, body: Any) -> None:
    """The last of two equal keys counts, for the guards and for the upstream alike."""
    text = json.dumps(body, allow_nan=False) if _finite(body) else "{}"
    twice = '{"messages":[{"role":"user","content":"first"}],"model":"flash","messages":' + text
    send(client, (twice + "}").encode())


def _finite(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def test_afterwards_it_still_serves(client: httpx.Client, deployment: Deployment) -> None:
    assert send(client, chat('"Hello."')).status_code == 200
    assert "request.failed" not in (deployment.directory / "gateway.log").read_text()
