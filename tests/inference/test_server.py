"""A real worker process on loopback, driven by the openai SDK."""

import asyncio
import functools
import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import openai
import pytest
from worker_process import serving

from inference.chat import ChatTemplate
from inference.provenance import verify_directory
from inference.tokenizer import Tokenizer

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
STORY = [{"role": "user", "content": "Tell me a long story about a lighthouse."}]


@pytest.fixture
def client(worker_url: str):
    with openai.OpenAI(
        base_url=f"{worker_url}/v1", api_key="none", max_retries=0, timeout=100
    ) as made:
        yield made


def ask(client: openai.OpenAI, **options: Any) -> Any:
    options = {"model": "sov-pro", "messages": QUESTION, "max_tokens": 16, **options}
    return client.chat.completions.create(**options)


def form(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def metric(worker_url: str, name: str, **labels: str) -> float:
    wanted = "{" + ",".join(f'{k}="{v}"' for k, v in sorted(labels.items())) + "}" if labels else ""
    for line in httpx.get(f"{worker_url}/metrics").text.splitlines():
        if line.startswith(f"{name}{wanted} "):
            return float(line.rsplit(" ", 1)[1])
    return 0.0


def wait_for(condition: Any, timeout: float = 40.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_a_plain_answer_is_right_and_counted(client: openai.OpenAI, demo_model: Path) -> None:
    answer = ask(client, temperature=0)
    choice, usage = answer.choices[0], answer.usage
    assert "Paris" in choice.message.content
    assert choice.finish_reason == "stop"
    tokenizer = Tokenizer.load(demo_model)
    chat = ChatTemplate.load(demo_model, tokenizer)
    assert chat is not None
    assert usage.prompt_tokens == len(chat.encode(QUESTION))
    # The end token was computed too and counts.
    assert usage.completion_tokens == len(tokenizer.encode(choice.message.content)) + 1
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens_details.cached_tokens == 0
    assert Decimal(usage.worker_seconds) > 0
    assert usage.active_expert_share == 1.0


def test_a_stream_says_the_same(client: openai.OpenAI) -> None:
    whole = ask(client, temperature=0)
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(ask(client, temperature=0, **options))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert all(c.usage is None for c in chunks[:-1])
    assert len({c.id for c in chunks}) == 1


def test_max_tokens_ends_with_length(client: openai.OpenAI) -> None:
    answer = ask(client, messages=STORY, max_tokens=5)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 5


def test_a_stop_string_ends_before_itself(client: openai.OpenAI) -> None:
    answer = ask(client, temperature=0, stop=["Paris"])
    assert answer.choices[0].finish_reason == "stop"
    assert "Paris" not in answer.choices[0].message.content
    assert answer.choices[0].message.content.startswith("The capital")


def test_a_seed_repeats_an_answer(client: openai.OpenAI) -> None:
    options = {"messages": STORY, "temperature": 1.0, "max_tokens": 12}
    texts = [ask(client, seed=s, **options).choices[0].message.content for s in (1, 1, 2, 3)]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 30}, "capital": {"type": "boolean"}},
    "required": ["city", "capital"],
    "additionalProperties": False,
}


def test_an_answer_has_the_form_that_was_asked_for(client: openai.OpenAI) -> None:
    options = {"response_format": form(CITY), "max_tokens": 60, "temperature": 0}
    answer = json.loads(ask(client, **options).choices[0].message.content)
    jsonschema.validate(answer, CITY)
    assert "Paris" in answer["city"]
    chunks = list(ask(client, stream=True, **options))
    text = "".join(c.choices[0].delta.content or "" for c in chunks)
    assert json.loads(text) == answer
    loose = ask(client, response_format={"type": "json_object"}, max_tokens=24)
    content, end = loose.choices[0].message.content, loose.choices[0].finish_reason
    assert content.startswith("{")
    assert end == "length" or isinstance(json.loads(content), dict)


def test_the_form_of_a_text_asks_for_nothing(client: openai.OpenAI) -> None:
    options = {"response_format": {"type": "text"}, "extra_body": {"ignore_eos": True}}
    assert ask(client, max_tokens=3, **options).usage.completion_tokens == 3


def test_log_probabilities_stand_beside_their_text(client: openai.OpenAI) -> None:
    options = {"temperature": 0, "logprobs": True, "top_logprobs": 3}
    choice = ask(client, **options).choices[0]
    entries = choice.logprobs.content
    assert b"".join(bytes(e.bytes) for e in entries).decode() == choice.message.content
    for entry in entries:
        assert entry.logprob == entry.top_logprobs[0].logprob <= 0  # greedy takes the likeliest
        assert len(entry.top_logprobs) == 3
    streamed = []
    for chunk in ask(client, stream=True, **options):
        got = chunk.choices[0]
        if got.logprobs is not None:
            spoken = b"".join(bytes(e.bytes) for e in got.logprobs.content).decode()
            assert spoken == got.delta.content
            streamed += got.logprobs.content
    assert [e.token for e in streamed] == [e.token for e in entries]
    stopped = ask(client, stop=[" Paris"], **options).choices[0]
    spoken = [e.token for e in stopped.logprobs.content]
    assert "".join(spoken) == stopped.message.content
    assert spoken == [e.token for e in entries][: len(spoken)]


def test_log_probabilities_of_text_completions(client: openai.OpenAI) -> None:
    options = {"model": "sov-pro", "prompt": "The capital of France is", "temperature": 0}
    choice = client.completions.create(max_tokens=4, logprobs=2, **options).choices[0]
    told = choice.logprobs
    assert told is not None
    assert told.tokens is not None
    assert told.text_offset is not None
    assert told.top_logprobs is not None
    assert "".join(told.tokens) == choice.text
    for at, token in zip(told.text_offset, told.tokens, strict=True):
        assert choice.text[at:].startswith(token)
    assert [len(top) for top in told.top_logprobs] == [2] * 4
    own = [top[token] for top, token in zip(told.top_logprobs, told.tokens, strict=True)]
    assert own == told.token_logprobs
    alone = client.completions.create(max_tokens=4, logprobs=0, **options).choices[0].logprobs
    assert alone is not None
    assert alone.token_logprobs == told.token_logprobs


def test_parts_of_characters_are_told_as_bytes(client: openai.OpenAI) -> None:
    messages = [{"role": "user", "content": "Say only: ü 你好"}]
    bias = {str(i): 100 for i in httpx_tokens(client, "好")}
    choice = ask(
        client, messages=messages, logit_bias=bias, logprobs=True, max_tokens=9, temperature=0
    ).choices[0]
    parts = [e for e in choice.logprobs.content if e.token.startswith("\\x")]
    assert parts
    for part in parts:
        assert part.token == "".join(f"\\x{byte:02x}" for byte in part.bytes)


def httpx_tokens(client: openai.OpenAI, text: str) -> list[int]:
    url = str(client.base_url).removesuffix("/v1/")
    return httpx.post(f"{url}/tokenize", json={"prompt": text}).json()["tokens"]


def test_biases_and_least_lengths_reach_the_engine(client: openai.OpenAI) -> None:
    (word,) = httpx_tokens(client, " Berlin")
    only = ask(client, logit_bias={str(word): 100}, max_tokens=3)
    assert only.choices[0].message.content == " Berlin" * 3
    long = ask(client, temperature=0, max_tokens=40, extra_body={"min_tokens": 30})
    assert 30 < long.usage.completion_tokens <= 40
    narrow = [ask(client, seed=s, temperature=2, extra_body={"top_k": 1}) for s in (1, 2)]
    assert len({a.choices[0].message.content for a in narrow}) == 1


def test_several_choices_are_computed_together_and_counted_once(
    client: openai.OpenAI, worker_url: str
) -> None:
    options = {"messages": STORY, "temperature": 1.0, "max_tokens": 6, "seed": 5}
    alone, several = ask(client, **options), ask(client, n=3, **options)
    texts = [choice.message.content for choice in several.choices]
    assert [choice.index for choice in several.choices] == [0, 1, 2]
    assert len(set(texts)) > 1  # in bfloat16 they may part from those of other batches
    assert several.usage.prompt_tokens == alone.usage.prompt_tokens
    assert several.usage.completion_tokens == 18
    assert several.usage.total_tokens == several.usage.prompt_tokens + 18
    usage = {"include_usage": True, "continuous_usage_stats": True}
    chunks = list(ask(client, n=3, stream=True, stream_options=usage, **options))
    streamed = ["", "", ""]
    for chunk in chunks[:-1]:
        (choice,) = chunk.choices
        streamed[choice.index] += choice.delta.content or ""
    assert len(set(streamed)) > 1
    assert all(streamed)
    ends = sorted(c.choices[0].index for c in chunks[:-1] if c.choices[0].finish_reason)
    assert ends == [0, 1, 2]
    assert chunks[-1].usage.completion_tokens == 18
    counts = [c.usage.completion_tokens for c in chunks if c.usage is not None]
    assert counts == sorted(counts)
    assert len({c.id for c in chunks}) == 1
    wait_for(lambda: metric(worker_url, "vllm:num_requests_running") == 0)


def test_text_completions_and_tokenize(client: openai.OpenAI, worker_url: str) -> None:
    prompt = "The capital of France is"
    answer = client.completions.create(model="sov-pro", prompt=prompt, max_tokens=3, temperature=0)
    assert "Paris" in answer.choices[0].text
    counted = httpx.post(f"{worker_url}/tokenize", json={"prompt": prompt}).json()
    assert answer.usage is not None
    assert counted["count"] == len(counted["tokens"]) == answer.usage.prompt_tokens
    same = client.completions.create(
        model="sov-pro", prompt=counted["tokens"], max_tokens=3, temperature=0
    )
    assert same.choices[0].text == answer.choices[0].text


def test_several_prompts_are_answered_in_order_and_counted_each(client: openai.OpenAI) -> None:
    prompts = ["The capital of France is", "One, two, three,"]
    options = {"model": "sov-pro", "max_tokens": 3, "temperature": 0}
    alone = [client.completions.create(prompt=prompt, **options) for prompt in prompts]
    both = client.completions.create(prompt=prompts, n=2, **options)
    assert [choice.index for choice in both.choices] == [0, 1, 2, 3]
    texts = [answer.choices[0].text for answer in alone]
    assert [choice.text for choice in both.choices] == [t for text in texts for t in (text, text)]
    assert both.usage is not None
    counted = [answer.usage.prompt_tokens for answer in alone if answer.usage]
    assert both.usage.prompt_tokens == sum(counted)
    assert both.usage.completion_tokens == 12
    echoed = client.completions.create(prompt=prompts, echo=True, **options)
    whole = [prompt + text for prompt, text in zip(prompts, texts, strict=True)]
    assert [choice.text for choice in echoed.choices] == whole
    streamed = ["", ""]
    for chunk in client.completions.create(prompt=prompts, echo=True, stream=True, **options):
        streamed[chunk.choices[0].index] += chunk.choices[0].text
    assert streamed == whole


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"prompt": ["a"] * 65}, "prompt"),
        ({"prompt": ["a", 5]}, "prompt"),
        ({"prompt": [[5], [10**6]]}, "prompt"),
        ({"suffix": "end"}, "suffix"),
        ({"best_of": 2}, "best_of"),
        ({"echo": True, "logprobs": 1}, "echo"),
    ],
)
def test_completions_that_cannot_be_served_are_refused(
    client: openai.OpenAI, change: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.completions.create(**{"model": "sov-pro", "prompt": "a", "max_tokens": 1, **change})
    assert raised.value.param == param


def test_a_model_whose_template_knows_no_tools_calls_them_all_the_same(
    client: openai.OpenAI,
) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    function = {"name": "weather", "description": "The weather of a city", "parameters": schema}
    tools = {"tools": [{"type": "function", "function": function}]}
    asked = {"role": "user", "content": "What is the weather in Paris?"}
    for choice in ("required", {"type": "function", "function": {"name": "weather"}}):
        answer = ask(client, messages=[asked], tool_choice=choice, max_tokens=64, **tools)
        assert answer.choices[0].finish_reason == "tool_calls"
        (call,) = answer.choices[0].message.tool_calls
        assert call.function.name == "weather"
        jsonschema.validate(json.loads(call.function.arguments), schema)
    result = {"role": "tool", "tool_call_id": call.id, "content": "The sun shines, 21 degrees."}
    messages = [asked, answer.choices[0].message.model_dump(exclude_none=True), result]
    told = ask(client, messages=messages, temperature=0, max_tokens=24, **tools)
    assert told.usage.prompt_tokens > answer.usage.prompt_tokens
    assert told.choices[0].message.content


def test_aliases_and_requests_choose_the_share_of_experts(client: openai.OpenAI) -> None:
    assert ask(client, model="sov-flash").usage.active_expert_share == 0.875
    asked = ask(client, model="sov-pro", extra_body={"num_experts_per_tok": 4})
    assert asked.usage.active_expert_share == 0.5


def test_a_share_of_the_routers_weight_is_counted(client: openai.OpenAI) -> None:
    fewer = ask(client, model="sov-share").usage.active_expert_share
    assert 2 / 8 <= fewer < 7 / 8
    asked = ask(client, model="sov-pro", extra_body={"expert_mass": 0.6})
    assert asked.usage.prompt_tokens_details.cached_tokens > 0  # the same budget: found again
    assert asked.usage.active_expert_share == pytest.approx(fewer, abs=0.05)
    both = ask(client, model="sov-share", extra_body={"expert_mass": 1, "num_experts_per_tok": 4})
    assert both.usage.active_expert_share == 0.5


def test_eight_at_once_get_their_own_answers(client: openai.OpenAI, worker_url: str) -> None:
    words = ["France", "Italy", "Spain", "Germany", "Japan", "Egypt", "Greece", "Poland"]

    def one(index: int) -> str:
        content = f"What is the capital of {words[index]}?"
        model = "sov-flash" if index % 2 else "sov-pro"
        messages = [{"role": "user", "content": content}]
        answer = ask(client, model=model, messages=messages, temperature=0, max_tokens=12)
        return answer.choices[0].message.content

    steps = metric(worker_url, "sovgate_worker_engine_steps")
    alone = [one(index) for index in range(8)]
    apart = metric(worker_url, "sovgate_worker_engine_steps") - steps
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(one, range(8)))
    shared = metric(worker_url, "sovgate_worker_engine_steps") - steps - apart
    assert shared < apart * 0.7  # they did share steps
    # Greedy answers may part at a near tie in bfloat16, seldom at the first word.
    for first, second in zip(alone, together, strict=True):
        assert first.split()[0] == second.split()[0]
    assert "Paris" in together[0]
    assert sum(a == b for a, b in zip(alone, together, strict=True)) >= 5


def test_counts_so_far_stand_in_every_event_if_asked(client: openai.OpenAI) -> None:
    options = {"include_usage": True, "continuous_usage_stats": True}
    stream = ask(client, stream=True, stream_options=options, max_tokens=8, temperature=0)
    chunks = list(stream)
    counts = [c.usage.completion_tokens for c in chunks if c.choices and c.usage is not None]
    assert counts == sorted(counts)
    assert counts[0] >= 1
    assert chunks[-1].usage.completion_tokens >= counts[-1]


def test_hanging_up_stops_the_work_and_is_counted(worker_url: str) -> None:
    cancelled = {"model_name": "sov-pro", "finished_reason": "abort"}
    tokens = {"model_name": "sov-pro"}
    ended = metric(worker_url, "vllm:request_success_total", **cancelled)
    before = metric(worker_url, "vllm:generation_tokens_total", **tokens)
    body = {"model": "sov-pro", "messages": STORY, "max_tokens": 4000, "ignore_eos": True}
    url = f"{worker_url}/v1/chat/completions"
    with httpx.stream("POST", url, json={**body, "stream": True}) as response:
        lines = response.iter_lines()
        while "content" not in next(lines):
            pass
    wait_for(lambda: metric(worker_url, "vllm:request_success_total", **cancelled) == ended + 1)
    assert metric(worker_url, "vllm:num_requests_running") == 0
    assert metric(worker_url, "sovgate_worker_kv_blocks_free") == 1024
    assert before < metric(worker_url, "vllm:generation_tokens_total", **tokens) < before + 1000


def test_hanging_up_a_plain_request_stops_it_too(worker_url: str) -> None:
    body = {"model": "sov-pro", "messages": STORY, "max_tokens": 4000, "ignore_eos": True}
    headers = {"content-type": "application/json"}
    with closing(HTTPConnection(worker_url.removeprefix("http://"))) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        wait_for(lambda: metric(worker_url, "vllm:num_requests_running") == 1)
    wait_for(lambda: metric(worker_url, "vllm:num_requests_running") == 0)


@pytest.mark.parametrize(
    ("change", "status", "code", "param"),
    [
        ({"model": "gpt-4"}, 404, "model_not_found", "model"),
        ({"max_tokens": 9000}, 400, "context_length_exceeded", "max_tokens"),
        (
            {"messages": [{"role": "user", "content": "a " * 9000}]},
            400,
            "context_length_exceeded",
            "messages",
        ),
        ({"temperature": 3}, 400, "invalid_request", "temperature"),
        ({"n": 17}, 400, "invalid_request", "n"),
        ({"n": 0}, 400, "invalid_request", "n"),
        ({"messages": []}, 400, "invalid_request", "messages"),
        ({"top_logprobs": 2}, 400, "invalid_request", "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, 400, "invalid_request", "top_logprobs"),
        ({"logit_bias": {"49152": 1}}, 400, "invalid_request", "logit_bias"),
        ({"logit_bias": {"5": 101}}, 400, "invalid_request", "logit_bias"),
        ({"extra_body": {"num_experts_per_tok": 9}}, 400, "invalid_request", "num_experts_per_tok"),
        ({"extra_body": {"expert_mass": 0}}, 400, "invalid_request", "expert_mass"),
        ({"extra_body": {"expert_mass": 1.1}}, 400, "invalid_request", "expert_mass"),
        ({"response_format": {"type": "xml"}}, 400, "invalid_request", "response_format"),
        (
            {"response_format": form({"not": {}})},
            400,
            "response_format_unsupported",
            "response_format",
        ),
        (
            {"response_format": form({}), "extra_body": {"ignore_eos": True}},
            400,
            "invalid_request",
            "ignore_eos",
        ),
        (
            {"response_format": form({}), "tool_choice": "required"},
            400,
            "invalid_request",
            "tool_choice",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": ""}}]}
                ]
            },
            400,
            "invalid_request",
            "messages",
        ),
    ],
)
def test_what_cannot_be_served_is_refused(
    client: openai.OpenAI, change: dict[str, Any], status: int, code: str, param: str
) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        ask(client, **change)
    assert (raised.value.status_code, raised.value.code) == (status, code)
    assert raised.value.param == param


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/chat/completions", b"{", 400),
        ("POST", "/v1/chat/completions", b"\xff\xfe", 400),
        ("POST", "/v1/chat/completions", b'{"model": 3}', 400),
        ("POST", "/v1/chat/completions", b'{"tools": ' + b"[" * 5000, 400),
        ("GET", "/v1/chat/completions", b"", 405),
        ("GET", "/nowhere", b"", 404),
    ],
)
def test_odd_requests_get_shaped_errors(
    worker_url: str, method: str, path: str, body: bytes, status: int
) -> None:
    response = httpx.request(method, worker_url + path, content=body)
    assert response.status_code == status
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


def test_models_and_health_name_the_weights(
    client: openai.OpenAI, worker_url: str, demo_model: Path
) -> None:
    digest = verify_directory(demo_model).weights_digest
    cards = {m.id: m.model_dump() for m in client.models.list()}
    assert set(cards) == {"smollm2-moe", "sov-pro", "sov-flash", "sov-share"}
    assert {c["weights_digest"] for c in cards.values()} == {digest}
    assert cards["sov-flash"]["num_experts_per_tok"] == 7
    health = httpx.get(f"{worker_url}/health")
    assert health.status_code == 200
    assert health.json()["status"] == "ok"
    assert health.json()["weights_digest"] == digest
    assert all(len(sentence.split()) > 4 for sentence in health.json()["kernels"])


async def test_health_answers_while_the_engine_is_busy(worker_url: str) -> None:
    body = {"model": "sov-pro", "messages": STORY, "max_tokens": 4000, "ignore_eos": True}
    body["messages"] = [{"role": "user", "content": "The sea is wide. " * 300}]
    async with httpx.AsyncClient(base_url=worker_url, timeout=30) as http:
        busy = asyncio.create_task(http.post("/v1/chat/completions", json=body))
        running = functools.partial(metric, worker_url, "vllm:num_requests_running")
        while await asyncio.to_thread(running) == 0:  # noqa: ASYNC110 - a worker's metric
            await asyncio.sleep(0.02)
        for _ in range(3):
            assert (await http.get("/health")).status_code == 200
        assert not busy.done(), "the answer is minutes of work"
        busy.cancel()
    wait_for(lambda: metric(worker_url, "vllm:num_requests_running") == 0)


def test_a_full_queue_is_429_and_sigterm_lets_streams_end(demo_model: Path) -> None:
    limits = ("--max-batch", "1", "--max-queue", "1", "--shutdown-seconds", "60")
    with serving(demo_model, *limits, "--name", "m") as (url, process):
        body = {"model": "m", "messages": STORY, "max_tokens": 24, "ignore_eos": True}
        body["stream"] = True
        answers: list[str] = []

        def stream() -> None:
            with httpx.stream("POST", f"{url}/v1/chat/completions", json=body, timeout=110) as r:
                answers.append(r.read().decode())

        threads = [threading.Thread(target=stream) for _ in range(2)]
        threads[0].start()
        wait_for(lambda: metric(url, "vllm:num_requests_running") == 1)
        threads[1].start()
        wait_for(lambda: metric(url, "vllm:num_requests_waiting") == 1)
        refused = httpx.post(f"{url}/v1/chat/completions", json=body)
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "queue_full"
        assert refused.headers["retry-after"] == "1"
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(60)
        assert process.wait(30) == 0
    for answer in answers:
        events = [line[6:] for line in answer.splitlines() if line.startswith("data: ")]
        assert events[-1] == "[DONE]"
        assert json.loads(events[-2])["choices"][0]["finish_reason"] == "length"
