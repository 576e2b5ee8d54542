"""What a request for a response means in a chat's words, and what is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.errors import InvalidRequest
from gateway.responses import ReasoningSeal
from gateway.responses.errors import InvalidEncryptedContent
from gateway.surfaces.checks import decode_object
from gateway.surfaces.responses_answer import echoed
from gateway.surfaces.responses_items import Conversation, input_items, response_of_item
from gateway.surfaces.responses_request import chat_fields, read_asked
from gateway.vault.keys import TenantKeys

FUNCTION = {"type": "function", "name": "send", "parameters": {"type": "object"}}
ID = "resp_01abc"


def fields(**body: Any) -> dict[str, Any]:
    return chat_fields(read_asked({"model": "m", "input": "Hello", **body}))


def messages(
    given: Any, instructions: str | None = None, seal: ReasoningSeal | None = None
) -> list[dict[str, Any]]:
    conversation = Conversation(instructions, seal)
    for index, item in enumerate(input_items(given, ID)):
        conversation.add(item, f"input[{index}]")
    return conversation.close()


def test_a_text_and_instructions() -> None:
    assert messages("Hello", "Be brief.") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
    ]


def test_what_a_model_said_in_one_turn_is_one_message() -> None:
    given = [
        {"role": "user", "content": "Weather?"},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "Sun"},
        {"type": "function_call_output", "call_id": "c2",
         "output": [{"type": "input_text", "text": "Rain"}]},
        {"role": "developer", "content": "Hurry."},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
    ]  # fmt: skip
    call = {"type": "function", "function": {"name": "look", "arguments": "{}"}}
    assert messages(given) == [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": "I look.",
            "reasoning_content": "Hm.",
            "tool_calls": [{"id": "c1", **call}, {"id": "c2", **call}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "Sun"},
        {"role": "tool", "tool_call_id": "c2", "content": "Rain"},
        {"role": "system", "content": "Hurry."},
        {"role": "assistant", "content": "", "refusal": "No."},
    ]


def test_pictures_files_and_audio_keep_their_content() -> None:
    content = [
        {"type": "input_text", "text": "See:"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"},
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
    ]
    (message,) = messages([{"role": "user", "content": content}])
    assert message["content"] == [
        {"type": "text", "text": "See:"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
        {"type": "file",
         "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"}},
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
    ]  # fmt: skip


def test_fields_get_their_chat_names() -> None:
    schema = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
    body = fields(
        tools=[FUNCTION],
        tool_choice={"type": "function", "name": "send"},
        parallel_tool_calls=False,
        max_output_tokens=9,
        top_logprobs=2,
        include=["message.output_text.logprobs"],
        text={"format": schema, "verbosity": "low"},
        reasoning={"effort": "high", "summary": "auto"},
        temperature=0.5,
        metadata={"a": "b"},
        store=True,
        service_tier="flex",
        stream=True,
        stream_options={"include_obfuscation": False},
    )
    assert body == {
        "model": "m",
        "stream": True,
        "tools": [{"type": "function",
                   "function": {"name": "send", "parameters": {"type": "object"}}}],
        "tool_choice": {"type": "function", "function": {"name": "send"}},
        "parallel_tool_calls": False,
        "max_tokens": 9,
        "logprobs": True,
        "top_logprobs": 2,
        "response_format": {"type": "json_schema",
                            "json_schema": {"name": "n", "schema": {"type": "object"},
                                            "strict": True}},
        "verbosity": "low",
        "reasoning_effort": "high",
        "temperature": 0.5,
        "service_tier": "flex",
    }  # fmt: skip


def test_allowed_tools_are_those_that_are_sent() -> None:
    other = {**FUNCTION, "name": "other"}
    allowed = {"type": "allowed_tools", "mode": "required",
               "tools": [{"type": "function", "name": "other"}]}  # fmt: skip
    body = fields(tools=[FUNCTION, other], tool_choice=allowed)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["other"]
    assert body["tool_choice"] == "required"


def test_the_response_repeats_the_request() -> None:
    said = {"instructions": "Be brief.", "metadata": {"a": "b"}, "top_p": 0.5, "user": "greta"}
    repeated = echoed(read_asked({"model": "m", "input": "x", "tools": [FUNCTION], **said}))
    assert repeated["tools"] == [{**FUNCTION, "description": None, "strict": False}]
    assert {name: repeated[name] for name in said} == said


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"input": 5}, "invalid_request", "input"),
        ({"model": ""}, "invalid_request", "model"),
        ({"input": ""}, "invalid_request", "input"),
        ({"input": [5]}, "invalid_request", "input[0]"),
        ({"made_up": 1}, "unknown_parameter", "made_up"),
        ({"temperature": "hot"}, "invalid_request", "temperature"),
        ({"metadata": {"a": 1}}, "invalid_request", "metadata"),
        ({"max_output_tokens": 0}, "invalid_request", "max_output_tokens"),
        ({"truncation": "some"}, "invalid_request", "truncation"),
        ({"background": True}, "unsupported_feature", "background"),
        ({"conversation": "conv_1"}, "unsupported_feature", "conversation"),
        ({"prompt": {"id": "p"}}, "unsupported_feature", "prompt"),
        ({"tools": [{"type": "web_search"}]}, "unsupported_feature", "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "invalid_request", "tools[0].name"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "mcp"}}, "unsupported_feature",
         "tool_choice"),
        ({"text": {"format": {"type": "xml"}}}, "invalid_request", "text.format.type"),
        ({"text": {"format": {"type": "json_schema"}}}, "invalid_request", "text.format"),
        ({"reasoning": {"effort": 3}}, "invalid_request", "reasoning.effort"),
        ({"input": [{"type": "computer_call"}]}, "unsupported_feature", "input[0].type"),
        ({"input": [{"role": "robot", "content": "x"}]}, "invalid_request", "input[0].role"),
        ({"input": [{"role": "user", "content": 3}]}, "invalid_request", "input[0].content"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]},
         "invalid_request", "input[0].call_id"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
         "unsupported_feature", "input[0].content"),
        ({"input": [{}]}, "invalid_request", "input[0]"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_not_quoted(body: dict[str, Any], code: str, param: str) -> None:
    def read() -> None:
        asked = read_asked(decode_object(json.dumps({"model": "m", "input": "x"} | body).encode()))
        chat_fields(asked)
        messages(asked.input)

    error = refused(read)
    assert (error.code, error.param) == (code, param)
    assert "hot" not in error.message


def refused(function: Callable[[], Any]) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        function()
    return caught.value


def test_sealed_reasoning_is_opened_for_its_tenant_only() -> None:
    seal, other = ReasoningSeal(TenantKeys.new("acme")), ReasoningSeal(TenantKeys.new("globex"))
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": seal.seal("Hm")}
    given = [{"role": "user", "content": "x"}, item, {"role": "assistant", "content": "y"}]
    assert messages(given, seal=seal)[1]["reasoning_content"] == "Hm"
    with pytest.raises(InvalidEncryptedContent):
        messages(given, seal=other)
    item["encrypted_content"] = "made up"
    with pytest.raises(InvalidEncryptedContent):
        messages(given, seal=seal)


def test_items_name_the_response_that_brought_them() -> None:
    (item,) = input_items("Hello", ID)
    assert item["id"] == "msg_01abc_i0"
    assert response_of_item(item["id"]) == ID
    assert response_of_item("msg_foreign") is None
