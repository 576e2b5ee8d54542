"""A worker with a DeepSeek-V4 checkpoint: thinking, tools and counts, through the openai SDK."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from v4_chats import tools
from worker_process import serving

USER = {"role": "user", "content": "Weather in Paris?"}
TOOLS = tools("get_weather")
OFF = {"thinking": {"type": "disabled"}}


@pytest.fixture(scope="module")
def url(scripted_v4: Path) -> Iterator[str]:
    with serving(scripted_v4, "--allow-unsigned", "--name", "v4", "--dtype", "float32") as (
        found,
        _,
    ):
        yield found


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=60) as made:
        yield made


def ask(client: openai.OpenAI, *messages: Any, **options: Any) -> Any:
    extra = {key: options.pop(key) for key in ("thinking", "priority") if key in options}
    options = {"model": "v4", "messages": messages or [USER], "temperature": 0, **options}
    return client.chat.completions.create(**options, extra_body=extra)


def test_thinking_and_a_call_are_told_apart(client: openai.OpenAI) -> None:
    answer = ask(client, tools=TOOLS)
    choice, usage = answer.choices[0], answer.usage

    assert choice.message.reasoning_content == "I may have to look."
    assert choice.message.content == "Let me see."
    (call,) = choice.message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "get_weather", {"city": "Paris"}
    )  # fmt: skip
    assert call.id.startswith("call_")
    assert choice.finish_reason == "tool_calls"
    assert usage.completion_tokens == 14
    assert usage.completion_tokens_details.reasoning_tokens == 3
    assert usage.active_expert_share == pytest.approx(3 / 7, abs=1e-6)


def test_a_stream_of_it_says_the_same(client: openai.OpenAI) -> None:
    options = {"include_usage": True, "continuous_usage_stats": True}
    chunks = list(ask(client, tools=TOOLS, stream=True, stream_options=options))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    calls = [call for delta in deltas for call in delta.tool_calls or ()]

    thought = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert thought == "I may have to look."
    assert "".join(delta.content or "" for delta in deltas) == "Let me see."
    assert [(call.index, call.function.name) for call in calls if call.id] == [(0, "get_weather")]
    assert json.loads("".join(call.function.arguments for call in calls)) == {"city": "Paris"}
    assert len(calls) > 2  # the arguments came in pieces
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "tool_calls"
    assert chunks[-1].usage.completion_tokens_details.reasoning_tokens == 3
    assert chunks[-1].usage.completion_tokens == 14


def test_the_turn_after_it_is_cached_and_needs_the_reasoning(client: openai.OpenAI) -> None:
    asked = ask(client, tools=TOOLS).choices[0].message.model_dump(exclude_none=True)
    result = {"role": "tool", "tool_call_id": asked["tool_calls"][0]["id"], "content": "Sunny?"}
    second = ask(client, USER, asked, result, tools=TOOLS)

    assert second.usage.prompt_tokens_details.cached_tokens > 1000  # the tools, and more
    del asked["reasoning_content"]
    with pytest.raises(openai.BadRequestError) as raised:
        ask(client, USER, asked, result, tools=TOOLS)
    assert raised.value.code == "reasoning_content_missing"


def test_without_thinking_the_answer_comes_at_once(client: openai.OpenAI) -> None:
    for options in (OFF, {"reasoning_effort": "none"}):
        answer = ask(client, tools=TOOLS, **options)
        assert not hasattr(answer.choices[0].message, "reasoning_content")
        assert answer.choices[0].message.content == "Let me see."
        assert answer.usage.completion_tokens_details.reasoning_tokens == 0


def test_an_answer_of_the_client_goes_on(client: openai.OpenAI) -> None:
    begun = {"role": "assistant", "content": "How many?", "prefix": True}
    choice = ask(client, USER, begun, **OFF).choices[0]

    assert (choice.message.content, choice.finish_reason) == ("Forty-two.", "stop")


def test_a_limit_within_a_call_leaves_no_half_of_it_to_run(client: openai.OpenAI) -> None:
    choice = ask(client, tools=TOOLS, max_tokens=11).choices[0]

    assert choice.finish_reason == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(choice.message.tool_calls[0].function.arguments)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"reasoning_effort": "enormous"}, "reasoning_effort"),
        ({"tools": TOOLS, "tool_choice": {"function": {"name": "no"}}}, "tool_choice"),
        ({"messages": [{"role": "tool", "tool_call_id": "1", "content": "x"}]}, "messages"),
    ],
)
def test_what_makes_no_prompt_is_refused(
    client: openai.OpenAI, change: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        ask(client, **change)
    assert raised.value.param == param


def test_a_form_holds_for_what_comes_after_thinking(client: openai.OpenAI) -> None:
    answer = ask(client, response_format={"type": "json_object"}, max_tokens=8).choices[0]

    assert answer.message.reasoning_content == "I may have to look."
    assert answer.message.content.startswith("{")


def test_a_call_can_be_demanded(client: openai.OpenAI) -> None:
    choice = {"type": "function", "function": {"name": "get_weather"}}
    days = {"type": "object", "properties": {"days": {"enum": [3, 5]}}, "required": ["days"]}
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": days}}
    answer = ask(client, tools=[tool], tool_choice=choice, max_tokens=99).choices[0]

    (call,) = answer.message.tool_calls
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments)["days"] in (3, 5)
    assert answer.finish_reason == "tool_calls"
    thought = ask(
        client, tools=[tool], tool_choice=choice, max_tokens=99, reasoning_effort="low"
    ).choices[0]
    assert thought.message.reasoning_content == "I may have to look."
    assert json.loads(thought.message.tool_calls[0].function.arguments)["days"] in (3, 5)
    strict = tool["function"] | {"strict": True, "parameters": {"type": "object", "not": {}}}
    with pytest.raises(openai.BadRequestError) as raised:
        ask(client, tools=[tool | {"function": strict}], tool_choice="required")
    assert raised.value.param == "tools"


def test_tokenize_counts_what_a_chat_is_billed_for(client: openai.OpenAI, url: str) -> None:
    body = {"messages": [USER], "tools": TOOLS, "chat_template_kwargs": {"thinking": False}}
    counted = httpx.post(f"{url}/tokenize", json=body).json()
    usage = ask(client, tools=TOOLS, **OFF).usage
    text = httpx.post(f"{url}/detokenize", json={"tokens": counted["tokens"]}).json()["prompt"]

    assert counted["count"] == usage.prompt_tokens
    assert text.startswith("<｜begin▁of▁sentence｜>\n\n## Tools")
    assert text.endswith("<｜User｜>Weather in Paris?<｜Assistant｜></think>")
    refused = httpx.post(f"{url}/detokenize", json={"tokens": [10**6]})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "tokens")


def test_readiness_and_metrics_by_the_names_that_others_use(
    client: openai.OpenAI, url: str
) -> None:
    ask(client, tools=TOOLS, priority=5)
    assert httpx.get(f"{url}/ready").json() == {"ready": True}
    metrics = httpx.get(f"{url}/metrics").text

    for name in (
        "vllm:num_requests_running",
        "vllm:num_requests_waiting",
        "vllm:kv_cache_usage_perc",
        'vllm:prompt_tokens_total{model_name="v4"}',
        'vllm:generation_tokens_total{model_name="v4"}',
        'vllm:request_success_total{finished_reason="stop",model_name="v4"}',
        'vllm:time_to_first_token_seconds_count{model_name="v4"}',
        'vllm:e2e_request_latency_seconds_count{model_name="v4"}',
    ):
        assert f"\n{name}" in metrics, name
