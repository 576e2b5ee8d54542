"""The official ``anthropic`` SDK."""

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import anthropic
from anthropic import Anthropic, AsyncAnthropic
from scenarios import Gateway, Scenarios

scenario = Scenarios()
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
WEATHER: Any = {
    "name": "get_weather",
    "description": "Weather of a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def client(gateway: Gateway, **more: Any) -> Anthropic:
    return Anthropic(base_url=gateway.root, api_key=gateway.api_key, **more)


def said(text: Any) -> Any:
    return [{"role": "user", "content": text}]


@scenario
def chat(gateway: Gateway) -> None:
    with client(gateway) as api:
        answer = api.messages.create(
            model=gateway.model, max_tokens=30, system="Be brief.", messages=said("Hello there")
        )
    assert answer.type == "message"
    assert answer.content[0].type == "text"
    assert answer.content[0].text
    assert answer.stop_reason in {"end_turn", "max_tokens"}
    assert answer.usage.output_tokens > 0


@scenario
def stream(gateway: Gateway) -> None:
    with (
        client(gateway) as api,
        api.messages.stream(
            model=gateway.model, max_tokens=30, messages=said("Hello there")
        ) as running,
    ):
        text = "".join(running.text_stream)
        final = running.get_final_message()
    assert text
    assert final.content[0].type == "text"
    assert final.content[0].text == text
    assert final.usage.output_tokens > 0


@scenario
def tools(gateway: Gateway) -> None:
    messages = said("The weather in Oslo")
    with client(gateway) as api:
        answer = api.messages.create(
            model=gateway.model,
            max_tokens=200,
            messages=messages,
            tools=[WEATHER],
            tool_choice={"type": "tool", "name": "get_weather"},
        )
        call = next(block for block in answer.content if block.type == "tool_use")
        assert answer.stop_reason == "tool_use"
        assert call.input == {"city": "The weather in Oslo"}
        messages.append(
            {"role": "assistant", "content": [block.model_dump() for block in answer.content]}
        )
        messages += said([{"type": "tool_result", "tool_use_id": call.id, "content": "4 degrees"}])
        final = api.messages.create(
            model=gateway.model, max_tokens=200, messages=messages, tools=[WEATHER]
        )
    assert final.content[0].type == "text"
    assert final.content[0].text == "The tool said: 4 degrees"


@scenario
def tool_stream(gateway: Gateway) -> None:
    with (
        client(gateway) as api,
        api.messages.stream(
            model=gateway.model,
            max_tokens=200,
            messages=said("Oslo"),
            tools=[WEATHER],
            tool_choice={"type": "any"},
        ) as running,
    ):
        final = running.get_final_message()
    call = next(block for block in final.content if block.type == "tool_use")
    assert call.input == {"city": "Oslo"}


@scenario
def structured_output(gateway: Gateway) -> None:
    schema = {
        "type": "object",
        "properties": {"degrees": {"type": "integer"}},
        "required": ["degrees"],
        "additionalProperties": False,
    }
    with client(gateway) as api:
        answer = api.messages.create(
            model=gateway.model,
            max_tokens=200,
            messages=said("Weather"),
            output_config={"format": {"type": "json_schema", "schema": schema}},
        )
    assert answer.content[0].type == "text"
    assert answer.content[0].text == '{"degrees":1}'


@scenario
def vision(gateway: Gateway) -> None:
    parts = [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
        },
        {"type": "text", "text": "What is this?"},
    ]
    with client(gateway) as api:
        answer = api.messages.create(model=gateway.model, max_tokens=200, messages=said(parts))
    assert answer.content[0].type == "text"
    assert answer.content[0].text == "I see 1 picture: image/png"


@scenario
def thinking(gateway: Gateway) -> None:
    with client(gateway) as api:
        answer = api.messages.create(
            model=gateway.model,
            max_tokens=4000,
            messages=said("Hard question"),
            thinking={"type": "enabled", "budget_tokens": 2000},
        )
    assert answer.content[0].type == "thinking"
    assert answer.content[0].thinking == "Thinking about: Hard question"
    assert answer.content[0].signature
    assert answer.content[1].type == "text"


@scenario
def count_tokens(gateway: Gateway) -> None:
    with client(gateway) as api:
        short = api.messages.count_tokens(model=gateway.model, messages=said("Hello"))
        long = api.messages.count_tokens(model=gateway.model, messages=said("Hello " * 200))
    assert 0 < short.input_tokens < long.input_tokens


@scenario
def models(gateway: Gateway) -> None:
    with client(gateway) as api:
        assert gateway.model in [model.id for model in api.models.list()]


@scenario
def batch(gateway: Gateway) -> None:
    requests: Any = [
        {
            "custom_id": f"request-{number}",
            "params": {
                "model": gateway.model,
                "max_tokens": 12,
                "messages": said(f"Line {number}"),
            },
        }
        for number in range(3)
    ]
    with client(gateway) as api:
        job = api.messages.batches.create(requests=requests)
        for _ in range(300):
            job = api.messages.batches.retrieve(job.id)
            if job.processing_status == "ended":
                break
            time.sleep(0.2)
        assert job.request_counts.succeeded == 3, job
        results = list(api.messages.batches.results(job.id))
        assert job.id in [each.id for each in api.messages.batches.list(limit=5)]
        assert api.messages.batches.delete(job.id).type == "message_batch_deleted"
    assert {result.custom_id for result in results} == {"request-0", "request-1", "request-2"}
    for result in results:
        assert result.result.type == "succeeded"
        assert result.result.message.content[0].type == "text"


@scenario
def errors(gateway: Gateway) -> None:
    wrong = Anthropic(base_url=gateway.root, api_key="sov-wrong", max_retries=0)
    _raises(
        anthropic.AuthenticationError,
        lambda: wrong.messages.create(model=gateway.model, max_tokens=9, messages=said("x")),
    )
    with client(gateway, max_retries=0) as api:
        _raises(
            anthropic.NotFoundError,
            lambda: api.messages.create(model="no-such-model", max_tokens=9, messages=said("x")),
        )
        _raises(
            anthropic.BadRequestError,
            lambda: api.messages.create(model=gateway.model, max_tokens=9, messages=[]),
        )


@scenario
def retry(gateway: Gateway) -> None:
    with client(gateway, max_retries=4) as api:
        answer = api.messages.create(
            model=gateway.model,
            max_tokens=100,
            messages=said(f"fail twice, then answer {time.time_ns()}"),
        )
    assert answer.content[0].type == "text"
    assert "fail twice" in answer.content[0].text


@scenario
async def abort(gateway: Gateway) -> None:
    async with (
        AsyncAnthropic(base_url=gateway.root, api_key=gateway.api_key) as api,
        api.messages.stream(
            model=gateway.model,
            max_tokens=200,
            messages=said("Go on slowly " + "and on " * 40),
        ) as running,
    ):
        async for _ in running.text_stream:
            break


def _raises(kind: type[anthropic.APIStatusError], call: Any) -> None:
    try:
        call()
    except kind as error:
        body: Any = error.body
        if body.get("type") != "error" or not body["error"].get("type"):
            raise AssertionError(f"another shape: {body}") from error
        return
    raise AssertionError(f"no {kind.__name__}")


if __name__ == "__main__":
    scenario.main()
