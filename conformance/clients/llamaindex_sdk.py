"""LlamaIndex: its OpenAI-like and Anthropic models, and its embeddings."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel
from scenarios import Gateway, Scenarios

scenario = Scenarios()
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
    "DwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Status(BaseModel):
    """How the weather is."""

    city: str
    degrees: int


def get_weather(city: str) -> str:
    """Weather of a city."""
    return f"4 degrees in {city}"


def model(gateway: Gateway, **more: Any) -> OpenAILike:
    return OpenAILike(
        api_base=gateway.base_url,
        api_key=gateway.api_key,
        model=gateway.model,
        is_chat_model=True,
        is_function_calling_model=True,
        max_tokens=60,
        **more,
    )


@scenario
def chat(gateway: Gateway) -> None:
    answer = model(gateway).chat([ChatMessage(role="user", content="Hello there")])
    assert answer.message.content


@scenario
def stream(gateway: Gateway) -> None:
    deltas = model(gateway).stream_chat([ChatMessage(role="user", content="Hello there")])
    assert "".join(delta.delta or "" for delta in deltas)


@scenario
def completions(gateway: Gateway) -> None:
    llm = model(gateway)
    llm.is_chat_model = False
    assert llm.complete("Once").text


@scenario
def tools(gateway: Gateway) -> None:
    weather = FunctionTool.from_defaults(get_weather)
    llm = model(gateway)
    answer = llm.chat_with_tools([weather], user_msg="Call it for Oslo")
    (call,) = llm.get_tool_calls_from_response(answer)
    assert call.tool_name == "get_weather"
    assert call.tool_kwargs == {"city": "Call it for Oslo"}


@scenario
def structured_output(gateway: Gateway) -> None:
    llm = model(gateway, should_use_structured_outputs=True)
    answer = llm.as_structured_llm(Status).chat([ChatMessage(role="user", content="Weather")])
    assert answer.raw == Status(city="text", degrees=1)


@scenario
def vision(gateway: Gateway) -> None:
    message = ChatMessage(
        role="user", blocks=[TextBlock(text="What is this?"), ImageBlock(url=PIXEL)]
    )
    assert model(gateway).chat([message]).message.content == "I see 1 picture: image/png"


@scenario
def embeddings(gateway: Gateway) -> None:
    embedding = OpenAIEmbedding(
        api_base=gateway.base_url, api_key=gateway.api_key, model_name=gateway.embedding_model
    )
    vectors = embedding.get_text_embedding_batch(["a text", "other words"])
    assert len(vectors) == 2
    assert vectors[0] != vectors[1]


if __name__ == "__main__":
    scenario.main()
