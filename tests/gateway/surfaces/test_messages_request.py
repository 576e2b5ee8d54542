"""A Messages request becomes the chat request that asks the same, or is refused."""

from typing import Any, get_type_hints

import msgspec
import pytest
from anthropic.types import message_count_tokens_params, message_create_params

from gateway.errors import InvalidRequest, MalformedJson, UnsupportedFeature
from gateway.settings import LimitSettings
from gateway.surfaces import MessagesSurface
from gateway.surfaces.messages_request import IGNORED, REFUSED, TRANSLATED, to_chat

ASK = {"model": "flash", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]}
DATA = "iVBORw0KGgo="


def chat(**fields: Any) -> dict[str, Any]:
    return to_chat({**ASK, **fields})


def turns(*messages: Any) -> list[dict[str, Any]]:
    return chat(messages=list(messages))["messages"]


def user(*blocks: Any) -> list[dict[str, Any]]:
    return turns({"role": "user", "content": list(blocks)})


def refused(**fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        chat(**fields)
    return caught.value


def test_the_least_request() -> None:
    assert to_chat(ASK) == ASK
    assert chat(container=None, thread=None, system=None, n=None) == ASK


def test_every_parameter_of_the_sdk_is_known() -> None:
    """One that is new there must be decided on here."""
    for params in (
        message_create_params.MessageCreateParamsNonStreaming,
        message_create_params.MessageCreateParamsStreaming,
        message_count_tokens_params.MessageCountTokensParams,
    ):
        assert set(get_type_hints(params)) <= TRANSLATED | IGNORED | set(REFUSED)


def test_plain_fields() -> None:
    body = chat(
        temperature=0.5, top_p=0.9, top_k=3, stop_sequences=["END"], stream=True,
        metadata={"user_id": "greta"}, service_tier="standard_only", speed="fast",
    )  # fmt: skip
    assert body == {
        **ASK, "stream": True, "temperature": 0.5, "top_p": 0.9, "top_k": 3, "stop": ["END"],
        "service_tier": "default", "user": "greta",
    }  # fmt: skip
    assert "service_tier" not in chat(service_tier="auto")


@pytest.mark.parametrize(
    ("system", "content"),
    [
        ("Be brief.", "Be brief."),
        ([{"type": "text", "text": "Be brief."}], "Be brief."),
        (
            [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        ),
        (
            [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}],
            [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}],
        ),
    ],
)
def test_system(system: Any, content: Any) -> None:
    assert chat(system=system)["messages"][0] == {"role": "system", "content": content}


def test_images_and_documents() -> None:
    sources: list[dict[str, Any]] = [
        {"type": "base64", "media_type": "image/png", "data": DATA},
        {"type": "url", "url": "https://example.com/a.png"},
    ]
    (message,) = user(*({"type": "image", "source": source} for source in sources))
    urls = [part["image_url"]["url"] for part in message["content"]]
    assert urls == [f"data:image/png;base64,{DATA}", "https://example.com/a.png"]
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    (message,) = user({"type": "document", "source": pdf, "title": "Terms", "context": "Old"})
    assert message["content"] == [
        {"type": "text", "text": "Old"},
        {
            "type": "file",
            "file": {"filename": "Terms", "file_data": "data:application/pdf;base64,JVBERi0="},
        },
    ]


def test_documents_of_text() -> None:
    text = {"type": "text", "media_type": "text/plain", "data": "All is well."}
    (message,) = user({"type": "document", "source": text, "title": "Terms"})
    assert message["content"] == "Terms\nAll is well."
    inner = {"type": "content", "content": [{"type": "text", "text": "One"}]}
    (message,) = user({"type": "document", "source": inner, "context": "Old"})
    assert [part["text"] for part in message["content"]] == ["Old", "One"]
    found = {
        "type": "search_result", "title": "Oslo", "source": "https://example.com",
        "content": [{"type": "text", "text": "Cold."}],
    }  # fmt: skip
    (message,) = user(found)
    assert message["content"] == "Oslo\nhttps://example.com\nCold."


def test_a_tool_loop() -> None:
    messages = turns(
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "t1", "name": "look", "input": {"city": "Oslo"}},
                {"type": "tool_use", "id": "t2", "name": "look", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "And now?"},
                {"type": "tool_result", "tool_use_id": "t1", "content": "4 degrees"},
                {
                    "type": "tool_result",
                    "tool_use_id": "t2",
                    "is_error": True,
                    "content": [
                        {"type": "text", "text": "no such city"},
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": DATA},
                        },
                    ],
                },
            ],
        },
    )
    assert [message["role"] for message in messages] == [
        "user", "assistant", "tool", "tool", "user",
    ]  # fmt: skip
    _, said, first, second, last = messages
    assert said["content"] == "I look."
    assert [call["function"]["arguments"] for call in said["tool_calls"]] == [
        '{"city":"Oslo"}',
        "{}",
    ]
    assert first == {"role": "tool", "tool_call_id": "t1", "content": "4 degrees"}
    assert [part["type"] for part in second["content"]] == ["text", "text", "image_url"]
    assert second["content"][0]["text"] == "Error:"
    assert last == {"role": "user", "content": "And now?"}


def test_results_without_content_and_with_errors() -> None:
    results = user(
        {"type": "tool_result", "tool_use_id": "t1"},
        {"type": "tool_result", "tool_use_id": "t2", "content": "no", "is_error": True},
    )
    assert [result["content"] for result in results] == ["", "Error: no"]


def test_tools_and_their_choice() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool = {
        "name": "look", "description": "Looks", "input_schema": schema, "strict": True,
        "cache_control": {"type": "ephemeral"}, "eager_input_streaming": True,
    }  # fmt: skip
    body = chat(tools=[tool], tool_choice={"type": "any", "disable_parallel_tool_use": True})
    function = {"name": "look", "description": "Looks", "parameters": schema, "strict": True}
    assert body["tools"] == [
        {"type": "function", "function": function, "cache_control": {"type": "ephemeral"}}
    ]
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("required", False)
    named = chat(tools=[tool], tool_choice={"type": "tool", "name": "look"})["tool_choice"]
    assert named == {"type": "function", "function": {"name": "look"}}
    assert chat(tool_choice={"type": "none"})["tool_choice"] == "none"
    assert chat(tool_choice={"type": "auto"})["tool_choice"] == "auto"


@pytest.mark.parametrize(
    ("thinking", "config", "expected"),
    [
        (
            {"type": "enabled", "budget_tokens": 2000, "display": "summarized"}, {},
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        ),
        ({"type": "disabled"}, {}, {"thinking": {"type": "disabled"}}),
        ({"type": "adaptive"}, {}, {}),
        ({"type": "adaptive"}, {"effort": "max"}, {"reasoning_effort": "max"}),
        (None, {"effort": "low"}, {"reasoning_effort": "low"}),
    ],
)  # fmt: skip
def test_thinking(thinking: Any, config: Any, expected: dict[str, Any]) -> None:
    assert chat(thinking=thinking, output_config=config) == {**ASK, **expected}


def test_structured_output() -> None:
    schema = {"type": "object", "properties": {}}
    body = chat(output_config={"format": {"type": "json_schema", "schema": schema}})
    form = {"name": "answer", "schema": schema, "strict": True}
    assert body["response_format"] == {"type": "json_schema", "json_schema": form}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"model": ""}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": ["Hello"]}, "messages.0"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 4}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content"),
        ({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t",
          "name": "n", "input": "{}"}]}]}, "messages.0.content"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"name": "look"}]}, "tools.0.input_schema"),
        ({"tools": [{"input_schema": {}}]}, "tools.0.name"),
        ({"tool_choice": {"type": "some"}}, "tool_choice"),
        ({"stop_sequences": "END"}, "stop_sequences"),
        ({"thinking": {"type": "hard"}}, "thinking"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format"),
        ({"metadata": "greta"}, "metadata"),
        ({"stream": "yes"}, "stream"),
        ({"n": 2}, "n"),
        ({"Greta Vogel": 2}, None),
    ],
)  # fmt: skip
def test_wrong_fields_are_named(fields: dict[str, Any], param: str | None) -> None:
    assert refused(**fields).param == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"mcp_servers": [{"url": "https://example.com"}]}, "mcp_servers"),
        ({"container": "c"}, "container"),
        ({"thread": {"type": "create"}}, "thread"),
        ({"fallbacks": "default"}, "fallbacks"),
        ({"inference_geo": "us"}, "inference_geo"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools.0"),
        ({"messages": [{"role": "user", "content": [{"type": "container_upload"}]}]},
         "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file",
          "file_id": "f"}}]}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "url",
          "url": "https://example.com"}}]}]}, "messages.0.content"),
    ],
)  # fmt: skip
def test_what_nobody_here_could_do_is_refused(fields: dict[str, Any], param: str) -> None:
    error = refused(**fields)
    assert isinstance(error, UnsupportedFeature)
    assert error.param == param


def test_counting_needs_no_limit() -> None:
    asked = {name: ASK[name] for name in ("model", "messages")}
    assert to_chat(asked, counted_only=True) == asked


def test_the_number_of_messages_is_bounded() -> None:
    raw = msgspec.json.encode({**ASK, "messages": ASK["messages"] * 3})  # type: ignore[operator]
    surface = MessagesSurface(b"p" * 32)
    assert surface.read(raw, LimitSettings(max_messages=3))["max_tokens"] == 50
    with pytest.raises(InvalidRequest):
        surface.read(raw, LimitSettings(max_messages=2))
    with pytest.raises(MalformedJson):
        surface.read(b"[]", LimitSettings())
