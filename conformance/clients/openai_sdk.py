"""The official ``openai`` SDK, of whichever version runs it."""

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import openai
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel
from scenarios import Gateway, Scenarios

scenario = Scenarios()
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
    "DwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
TIME: Any = {
    "type": "function",
    "function": {**WEATHER["function"], "name": "get_time", "description": "Time in a city"},
}


class Status(BaseModel):
    city: str
    degrees: int


def client(gateway: Gateway, **more: Any) -> OpenAI:
    return OpenAI(base_url=gateway.base_url, api_key=gateway.api_key, **more)


def said(text: str) -> Any:
    return [{"role": "user", "content": text}]


@scenario
def chat(gateway: Gateway) -> None:
    with client(gateway) as api:
        answer = api.chat.completions.create(
            model=gateway.model, messages=said("Hello there"), max_tokens=30
        )
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0


@scenario
def stream(gateway: Gateway) -> None:
    with client(gateway) as api:
        chunks = list(
            api.chat.completions.create(
                model=gateway.model,
                messages=said("Hello there"),
                max_tokens=30,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text
    assert chunks[-1].usage is not None
    assert any(chunk.choices[0].finish_reason for chunk in chunks if chunk.choices)


@scenario
def tools(gateway: Gateway) -> None:
    with client(gateway) as api:
        messages = said("Call both tools for Oslo")
        answer = api.chat.completions.create(
            model=gateway.model, messages=messages, tools=[WEATHER, TIME]
        )
        calls = answer.choices[0].message.tool_calls
        assert answer.choices[0].finish_reason == "tool_calls"
        assert calls is not None
        assert [call.function.name for call in calls] == ["get_weather", "get_time"]  # type: ignore[union-attr]
        assert json.loads(calls[0].function.arguments)["city"]  # type: ignore[union-attr]
        messages.append(answer.choices[0].message.model_dump(exclude_none=True))
        for call in calls:
            messages.append({"role": "tool", "tool_call_id": call.id, "content": '{"degrees": 4}'})
        final = api.chat.completions.create(
            model=gateway.model, messages=messages, tools=[WEATHER, TIME]
        )
    assert final.choices[0].message.content == 'The tool said: {"degrees": 4}'


@scenario
def forced_tool_stream(gateway: Gateway) -> None:
    with client(gateway) as api:
        chunks = list(
            api.chat.completions.create(
                model=gateway.model,
                messages=said("The weather in Oslo"),
                tools=[WEATHER],
                tool_choice={"type": "function", "function": {"name": "get_weather"}},
                stream=True,
            )
        )
    deltas = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    arguments = "".join(call.function.arguments or "" for call in deltas if call.function)
    assert json.loads(arguments) == {"city": "The weather in Oslo"}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


@scenario
def structured_output(gateway: Gateway) -> None:
    with client(gateway) as api:
        answer = api.chat.completions.parse(
            model=gateway.model, messages=said("The weather"), response_format=Status
        )
    assert answer.choices[0].message.parsed == Status(city="text", degrees=1)


@scenario
def vision(gateway: Gateway) -> None:
    parts: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
    ]
    with client(gateway) as api:
        answer = api.chat.completions.create(
            model=gateway.model, messages=[{"role": "user", "content": parts}]
        )
    assert answer.choices[0].message.content == "I see 1 picture: image/png"


@scenario
def several_choices_with_logprobs(gateway: Gateway) -> None:
    with client(gateway) as api:
        answer = api.chat.completions.create(
            model=gateway.model, messages=said("Hi"), n=2, logprobs=True, top_logprobs=1
        )
    assert [choice.index for choice in answer.choices] == [0, 1]
    logprobs = answer.choices[1].logprobs
    assert logprobs is not None
    assert "".join(entry.token for entry in logprobs.content or ()) == "You said: Hi"


@scenario
def reasoning(gateway: Gateway) -> None:
    with client(gateway) as api:
        answer = api.chat.completions.create(
            model=gateway.model, messages=said("Hard question"), reasoning_effort="high"
        )
    thought = (answer.choices[0].message.model_extra or {}).get("reasoning_content")
    assert thought == "Thinking about: Hard question"


@scenario
def completions(gateway: Gateway) -> None:
    with client(gateway) as api:
        answer = api.completions.create(model=gateway.model, prompt="Once", max_tokens=8)
        events = list(
            api.completions.create(model=gateway.model, prompt="Once", max_tokens=8, stream=True)
        )
    assert answer.choices[0].text
    assert "".join(event.choices[0].text for event in events if event.choices)


@scenario
def responses(gateway: Gateway) -> None:
    with client(gateway) as api:
        first = api.responses.create(
            model=gateway.model,
            input="Remember seven",
            instructions="Be brief.",
            max_output_tokens=24,
        )
        assert first.status in {"completed", "incomplete"}
        assert first.output_text
        second = api.responses.create(
            model=gateway.model,
            input="What was it?",
            previous_response_id=first.id,
            max_output_tokens=24,
        )
        assert second.previous_response_id == first.id
        assert api.responses.retrieve(first.id).id == first.id
        assert len(list(api.responses.input_items.list(second.id))) >= 1
        api.responses.delete(first.id)
        try:
            api.responses.retrieve(first.id)
        except openai.NotFoundError:
            return
    raise AssertionError("a deleted response was found")


@scenario
def responses_stream(gateway: Gateway) -> None:
    with (
        client(gateway) as api,
        api.responses.stream(model=gateway.model, input="Hello", max_output_tokens=24) as run,
    ):
        events: list[Any] = list(run)
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert events[0].type == "response.created"
    # A limit of tokens ends it as incomplete.
    assert events[-1].type in {"response.completed", "response.incomplete"}
    assert text
    assert events[-1].response.output_text == text


@scenario
def responses_tools(gateway: Gateway) -> None:
    tool: Any = {"type": "function", **WEATHER["function"]}
    with client(gateway) as api:
        answer = api.responses.create(model=gateway.model, input="Call it for Oslo", tools=[tool])
        call = next(item for item in answer.output if item.type == "function_call")
        assert json.loads(call.arguments)["city"]
        result: Any = {
            "type": "function_call_output", "call_id": call.call_id, "output": "4 degrees"
        }  # fmt: skip
        final = api.responses.create(
            model=gateway.model, input=[result], previous_response_id=answer.id, tools=[tool]
        )
    assert final.output_text == "The tool said: 4 degrees"


@scenario
def responses_structured(gateway: Gateway) -> None:
    with client(gateway) as api:
        answer = api.responses.parse(model=gateway.model, input="Weather", text_format=Status)
    assert answer.output_parsed == Status(city="text", degrees=1)


@scenario
def embeddings(gateway: Gateway) -> None:
    with client(gateway) as api:
        one = api.embeddings.create(model=gateway.embedding_model, input="a text")
        two = api.embeddings.create(
            model=gateway.embedding_model, input=["a text", "other words"], encoding_format="float"
        )
    assert len(two.data) == 2
    assert two.data[0].embedding != two.data[1].embedding
    assert all(
        abs(a - b) < 1e-5 for a, b in zip(one.data[0].embedding, two.data[0].embedding, strict=True)
    )


@scenario
def moderations(gateway: Gateway) -> None:
    with client(gateway) as api:
        answer = api.moderations.create(input="A walk in the park with my dog")
    assert answer.results[0].flagged is False
    assert answer.results[0].category_scores.violence < 0.5


@scenario
def models(gateway: Gateway) -> None:
    with client(gateway) as api:
        names = [model.id for model in api.models.list()]
        assert gateway.model in names
        assert api.models.retrieve(gateway.model).id == gateway.model


@scenario
def batch(gateway: Gateway) -> None:
    lines = [
        {
            "custom_id": f"line-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": gateway.model, "messages": said(f"Line {number}"), "max_tokens": 12},
        }
        for number in range(3)
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    with client(gateway) as api:
        given = api.files.create(file=("in.jsonl", io.BytesIO(content)), purpose="batch")
        job = api.batches.create(
            input_file_id=given.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        for _ in range(300):
            job = api.batches.retrieve(job.id)
            if job.status in {"completed", "failed", "expired", "cancelled"}:
                break
            time.sleep(0.2)
        assert job.status == "completed", job
        assert job.output_file_id is not None
        answers = [
            json.loads(line) for line in api.files.content(job.output_file_id).text.splitlines()
        ]
    assert {answer["custom_id"] for answer in answers} == {"line-0", "line-1", "line-2"}
    assert all(answer["response"]["status_code"] == 200 for answer in answers)


@scenario
def errors(gateway: Gateway) -> None:
    wrong = OpenAI(base_url=gateway.base_url, api_key="sov-wrong", max_retries=0)
    _raises(
        openai.AuthenticationError,
        lambda: wrong.chat.completions.create(model=gateway.model, messages=said("x")),
    )
    with client(gateway, max_retries=0) as api:
        _raises(
            openai.NotFoundError,
            lambda: api.chat.completions.create(model="no-such-model", messages=said("x")),
        )
        _raises(
            openai.BadRequestError,
            lambda: api.chat.completions.create(
                model=gateway.model, messages=said("x"), temperature=9
            ),
        )


@scenario
def retry(gateway: Gateway) -> None:
    with client(gateway, max_retries=4) as api:
        answer = api.chat.completions.create(
            model=gateway.model, messages=said(f"fail twice, then answer {time.time_ns()}")
        )
    assert "fail twice" in (answer.choices[0].message.content or "")


@scenario
async def abort(gateway: Gateway) -> None:
    async with AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.api_key) as api:
        running = await api.chat.completions.create(
            model=gateway.model,
            messages=said("Go on slowly " + "and on " * 40),
            max_tokens=200,
            stream=True,
        )
        async for _ in running:
            break
        await running.close()


def _raises(kind: type[Exception], call: Any) -> None:
    try:
        call()
    except kind as error:
        if not getattr(error, "code", None):
            raise AssertionError(f"no code: {error}") from error
        return
    raise AssertionError(f"no {kind.__name__}")


if __name__ == "__main__":
    scenario.main()
