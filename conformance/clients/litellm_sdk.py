"""The ``litellm`` SDK as a client of an OpenAI-compatible and of an Anthropic API."""

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches one

import litellm
from openai_sdk import PIXEL, WEATHER
from scenarios import Gateway, Scenarios

scenario = Scenarios()


def complete(gateway: Gateway, text: Any, **more: Any) -> Any:
    return litellm.completion(
        model=f"openai/{gateway.model}",
        api_base=gateway.base_url,
        api_key=gateway.api_key,
        messages=[{"role": "user", "content": text}],
        **more,
    )


@scenario
def chat(gateway: Gateway) -> None:
    answer = complete(gateway, "Hello there", max_tokens=30)
    assert answer.choices[0].message.content
    assert answer.usage.total_tokens > 0


@scenario
def stream(gateway: Gateway) -> None:
    chunks = list(complete(gateway, "Hello there", max_tokens=30, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


@scenario
def tools(gateway: Gateway) -> None:
    answer = complete(gateway, "Call it for Oslo", tools=[WEATHER])
    (call,) = answer.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Call it for Oslo"}


@scenario
def structured_output(gateway: Gateway) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    form = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema, "strict": True}}
    answer = complete(gateway, "A number", response_format=form)
    assert json.loads(answer.choices[0].message.content) == {"a": 1}


@scenario
def vision(gateway: Gateway) -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
    ]
    assert complete(gateway, parts).choices[0].message.content == "I see 1 picture: image/png"


@scenario
def embeddings(gateway: Gateway) -> None:
    answer = litellm.embedding(
        model=f"openai/{gateway.embedding_model}",
        api_base=gateway.base_url,
        api_key=gateway.api_key,
        input=["a text", "other words"],
        encoding_format="float",
    )
    assert len(answer.data) == 2


@scenario
def responses(gateway: Gateway) -> None:
    answer: Any = litellm.responses(
        model=f"openai/{gateway.model}",
        api_base=gateway.base_url,
        api_key=gateway.api_key,
        input="Hello there",
        max_output_tokens=24,
    )
    assert answer.status in {"completed", "incomplete"}


@scenario
def messages(gateway: Gateway) -> None:
    answer = litellm.completion(
        model=f"anthropic/{gateway.model}",
        api_base=gateway.root,
        api_key=gateway.api_key,
        max_tokens=30,
        messages=[{"role": "user", "content": "Hello there"}],
    )
    assert answer.choices[0].message.content  # type: ignore[union-attr]


@scenario
def errors(gateway: Gateway) -> None:
    try:
        litellm.completion(
            model="openai/no-such-model",
            api_base=gateway.base_url,
            api_key=gateway.api_key,
            num_retries=0,
            messages=[{"role": "user", "content": "x"}],
        )
    except litellm.NotFoundError:
        return
    raise AssertionError("an unknown model was served")


if __name__ == "__main__":
    scenario.main()
