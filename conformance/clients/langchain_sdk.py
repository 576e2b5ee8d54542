"""LangChain's chat models and embeddings, over the OpenAI and the Anthropic API."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel
from scenarios import Gateway, Scenarios

scenario = Scenarios()


class Status(BaseModel):
    """How the weather is."""

    city: str
    degrees: int


@tool
def get_weather(city: str) -> str:
    """Weather of a city."""
    return f"4 degrees in {city}"


def chat_model(gateway: Gateway, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(
        base_url=gateway.base_url, api_key=gateway.api_key, model=gateway.model, **more
    )


def claude(gateway: Gateway, **more: Any) -> ChatAnthropic:
    return ChatAnthropic(
        base_url=gateway.root, api_key=gateway.api_key, model=gateway.model, max_tokens=60, **more
    )


@scenario
def chat(gateway: Gateway) -> None:
    answer = chat_model(gateway, max_tokens=30).invoke("Hello there")
    assert answer.text
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] > 0


@scenario
def stream(gateway: Gateway) -> None:
    pieces = list(chat_model(gateway, max_tokens=30, stream_usage=True).stream("Hello there"))
    assert "".join(piece.text for piece in pieces)


@scenario
def responses(gateway: Gateway) -> None:
    model = chat_model(gateway, use_responses_api=True, max_tokens=24)
    assert model.invoke("Hello there").text
    assert "".join(piece.text for piece in model.stream("Hello there"))


@scenario
def tools(gateway: Gateway) -> None:
    _tool_loop(chat_model(gateway))


@scenario
def structured_output(gateway: Gateway) -> None:
    model = chat_model(gateway).with_structured_output(Status)
    assert model.invoke("Weather") == Status(city="text", degrees=1)


@scenario
def vision(gateway: Gateway) -> None:
    picture = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
        "RU5ErkJggg=="
    )
    parts: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image", "base64": picture, "mime_type": "image/png"},
    ]
    answer = chat_model(gateway).invoke([HumanMessage(content=parts)])
    assert answer.text == "I see 1 picture: image/png"


@scenario
def embeddings(gateway: Gateway) -> None:
    model = OpenAIEmbeddings(
        base_url=gateway.base_url,
        api_key=gateway.api_key,
        model=gateway.embedding_model,
        check_embedding_ctx_length=False,
    )
    vectors = model.embed_documents(["a text", "other words"])
    assert len(vectors) == 2
    assert vectors[0] != vectors[1]


@scenario
def messages(gateway: Gateway) -> None:
    assert claude(gateway).invoke("Hello there").text
    assert "".join(piece.text for piece in claude(gateway).stream("Hello there"))


@scenario
def messages_tools(gateway: Gateway) -> None:
    _tool_loop(claude(gateway))


def _tool_loop(model: Any) -> None:
    history: list[Any] = [HumanMessage("Call it for Oslo")]
    answer = model.bind_tools([get_weather]).invoke(history)
    (call,) = answer.tool_calls
    assert call["name"] == "get_weather"
    history += [answer, ToolMessage("4 degrees", tool_call_id=call["id"])]
    final = model.bind_tools([get_weather]).invoke(history)
    assert final.text == "The tool said: 4 degrees"


if __name__ == "__main__":
    scenario.main()
