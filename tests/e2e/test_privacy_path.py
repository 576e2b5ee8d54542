"""Personal data never reaches the upstream and comes back exactly."""

import json
import random
from typing import Any

import pytest
from openai import OpenAI

from support.deployment import Capture

PROMPT = "My name is Greta Vogel, write to greta.vogel@example.com about the meeting."
VALUES = ("Greta", "Vogel", "greta.vogel@example.com")


def assert_clean(capture: Capture) -> None:
    sent = json.dumps(capture.seen(), ensure_ascii=False)
    assert sent != "[]"
    for value in VALUES:
        assert value not in sent


def test_plain(client: OpenAI, capture: Capture) -> None:
    answer = client.chat.completions.create(
        model="auto", messages=[{"role": "user", "content": PROMPT}]
    )
    assert answer.choices[0].message.content == f"You said: {PROMPT}"
    assert_clean(capture)


def test_headers(client: OpenAI, capture: Capture) -> None:
    answer = client.chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": PROMPT}]
    )
    headers = answer.headers
    assert headers["x-sovgate-request-id"].startswith("req_")
    assert headers["x-sovgate-tier"] in {"flash", "think-max"}
    assert headers["x-sovgate-upstream"] == "capture"
    assert headers["x-sovgate-route-reason"]
    assert headers["x-sovgate-cost-usd"] == "0.00000585"  # 11 * 0.15 / 1e6 + 7 * 0.60 / 1e6
    assert headers["x-sovgate-masked"] == "EMAIL_ADDRESS=1,PERSON=1"


def test_system_prompt_tools_and_history(client: OpenAI, capture: Capture) -> None:
    client.chat.completions.create(
        model="flash",
        user="Greta Vogel",
        messages=[
            {"role": "system", "content": "You work for Greta Vogel."},
            {"role": "user", "content": PROMPT},
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {
                            "name": "send",
                            "arguments": '{"to": "greta.vogel\\u0040example.com"}',
                        },
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": '{"sent_to": "Greta Vogel"}'},
            {"role": "user", "content": "Did Greta answer?"},
        ],
        tools=[
            {
                "type": "function",
                "function": {
                    "name": "send",
                    "description": "Mail to greta.vogel@example.com",
                    "parameters": {"type": "object", "properties": {}},
                },
            }
        ],
    )
    assert_clean(capture)


def test_tool_call_arguments_are_restored_as_json(client: OpenAI, capture: Capture) -> None:
    capture.script(content="", tool_arguments='{"text": "{echo}"}')
    prompt = 'Say "hi" to Greta Vogel\nat greta.vogel@example.com'
    answer = client.chat.completions.create(
        model="flash", messages=[{"role": "user", "content": prompt}]
    )
    call = (answer.choices[0].message.tool_calls or [])[0]
    assert json.loads(call.function.arguments) == {"text": prompt}  # type: ignore[union-attr]
    assert_clean(capture)


def test_streams_come_back_restored_for_1000_random_cuts(client: OpenAI, capture: Capture) -> None:
    generator = random.Random(11)
    expected = f"You said: {PROMPT}"
    seen: set[str] = set()
    for round_number in range(1000):
        if round_number % 20 == 0:
            capture.reset()
        capture.script(cuts=sorted(generator.sample(range(1, 120), generator.randint(0, 25))))
        stream = client.chat.completions.create(
            model="flash", stream=True, messages=[{"role": "user", "content": PROMPT}]
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        seen.add(text)
    assert seen == {expected}
    assert_clean(capture)


def test_streamed_tool_arguments_and_reasoning(client: OpenAI, capture: Capture) -> None:
    capture.script(reasoning="Thinking of {echo}", tool_arguments='{"text": "{echo}"}', cuts=[4, 9])
    stream = client.chat.completions.create(
        model="flash", stream=True, messages=[{"role": "user", "content": PROMPT}]
    )
    reasoning = arguments = ""
    for chunk in stream:
        for choice in chunk.choices:
            reasoning += (choice.delta.model_extra or {}).get("reasoning_content") or ""
            for call in choice.delta.tool_calls or ():
                assert call.function is not None
                arguments += call.function.arguments or ""
    assert reasoning == f"Thinking of {PROMPT}"
    assert json.loads(arguments) == {"text": PROMPT}


def test_usage_event_only_if_asked_for(client: OpenAI, capture: Capture) -> None:
    messages: list[Any] = [{"role": "user", "content": "hello"}]
    plain = client.chat.completions.create(model="flash", stream=True, messages=messages)
    assert all(chunk.usage is None for chunk in plain)
    asked = client.chat.completions.create(
        model="flash", stream=True, messages=messages, stream_options={"include_usage": True}
    )
    assert [chunk.usage.total_tokens for chunk in asked if chunk.usage] == [18]


def test_a_planted_token_is_not_restored(client: OpenAI, capture: Capture) -> None:
    prompt = f"{PROMPT} What is [PERSON_1]?"
    answer = client.chat.completions.create(
        model="flash", messages=[{"role": "user", "content": prompt}]
    )
    assert answer.choices[0].message.content == f"You said: {prompt}"


@pytest.mark.parametrize("model", ["auto", "flash"])
def test_the_gateway_log_holds_no_content(
    client: OpenAI, capture: Capture, deployment, model: str
) -> None:
    client.chat.completions.create(model=model, messages=[{"role": "user", "content": PROMPT}])
    log = deployment.server.output()
    for value in VALUES:
        assert value not in log
