"""Every text of a request is found, and only texts are replaced."""

from typing import Any

import msgspec
import pytest

from gateway.content import conversation_key, last_user_text, map_texts, speeches_of, texts_of
from guardrails.types import Role

SECRET = "greta@example.com"


def shout(text: str) -> str:
    return text.replace(SECRET, "[EMAIL]")


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": "hi"}], **fields}


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "user", "content": SECRET}]},
        {"messages": [{"role": "system", "content": f"owner {SECRET}"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": SECRET}]}]},
        {"messages": [{"role": "user", "name": SECRET, "content": "x"}]},
        {"messages": [{"role": "assistant", "reasoning_content": SECRET, "content": None}]},
        {"messages": [{"role": "assistant", "refusal": SECRET}]},
        {"messages": [{"role": "tool", "tool_call_id": "c", "content": f'{{"to": "{SECRET}"}}'}]},
        {"messages": [{"role": "tool", "content": [{"type": "text", "text": SECRET}]}]},
        {
            "messages": [
                {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            "id": "1",
                            "type": "function",
                            "function": {"name": "f", "arguments": f'{{"a": ["{SECRET}"]}}'},
                        }
                    ],
                }
            ]
        },
        {"messages": [{"role": "assistant", "function_call": {"name": "f", "arguments": SECRET}}]},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "file", "file": {"filename": f"{SECRET}.pdf"}}],
                }
            ]
        },
        {"tools": [{"type": "function", "function": {"name": "f", "description": SECRET}}]},
        {
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "f",
                        "parameters": {"properties": {"to": {"enum": [SECRET]}}},
                    },
                }
            ]
        },
        {"response_format": {"type": "json_schema", "json_schema": {"description": SECRET}}},
        {"metadata": {"owner": SECRET}},
        {"metadata": {SECRET: "owner"}},
        {"stop": [SECRET]},
        {"a_field_nobody_knows": {"deep": [{"er": SECRET}]}},
        {"service_tier": SECRET},
        {"tool_choice": {"type": "function", "function": {"name": SECRET}}},
        {"chat_template_kwargs": {"note": [SECRET]}},
        {"messages": [{"role": "tool", "tool_call_id": SECRET, "content": "x"}]},
        {"messages": [{"role": SECRET, "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "detail": SECRET}]}]},
        {"tools": [{"type": "function", "function": {"name": SECRET}}]},
        {"tools": [{"function": {"parameters": {"properties": {SECRET: {}}}}}]},
        {"tools": [{"function": {"parameters": {"required": [SECRET]}}}]},
    ],
)
def test_a_value_is_found_and_replaced_wherever_it_stands(fields: dict[str, Any]) -> None:
    request = body(**fields)
    assert any(SECRET in text for text in texts_of(request))
    assert SECRET.encode() not in msgspec.json.encode(map_texts(request, shout))


def test_escaped_json_arguments_are_read_unescaped() -> None:
    arguments = '{"to": "greta\\u0040example.com", "n": 1.50}'
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    request = body(messages=[{"role": "assistant", "tool_calls": [call]}])
    mapped = map_texts(request, shout)
    assert mapped["messages"][0]["tool_calls"][0]["function"]["arguments"] == (
        '{"to":"[EMAIL]","n":1.5}'
    )


def test_untouched_arguments_keep_their_bytes() -> None:
    arguments = '{ "n" : 1.50 }'
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    request = body(messages=[{"role": "assistant", "tool_calls": [call]}])
    assert map_texts(request, shout) == request


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_choice": {"type": "function", "function": {"name": "send_2.Mail-x"}}},
        {"messages": [{"role": "tool", "tool_call_id": "call_Ab12", "content": "x"}]},
        {"chat_template_kwargs": {"thinking": True, "effort": "high", "n": 4111111111111111}},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": f"data:image/png,{SECRET}"}}
                    ],
                }
            ]
        },
    ],
)
def test_structure_and_binary_content_stay(fields: dict[str, Any]) -> None:
    request = body(**fields)
    assert map_texts(request, shout) == request


def test_speeches_are_whole_texts_with_their_speakers() -> None:
    arguments = '{"to": "x"}'
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    request = body(
        messages=[
            {"role": "developer", "content": "a"},
            {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "image_url"}]},
            {"role": "assistant", "content": None, "tool_calls": [call, "odd"]},
            {"role": "tool", "content": '{"id": 1}'},
        ],
        tools=[{"type": "function", "function": {"name": "f", "description": "e"}}],
    )
    assert speeches_of(request) == [
        ("a", Role.SYSTEM),
        ("b", Role.USER),
        (arguments, Role.ASSISTANT),
        ('{"id": 1}', Role.TOOL),
    ]


def test_a_conversation_keeps_its_key_as_it_grows() -> None:
    first = body(messages=[{"role": "system", "content": "s"}, {"role": "user", "content": "q"}])
    later = body(
        messages=[
            *first["messages"],
            {"role": "assistant", "content": "a"},
            {"role": "user", "content": "q2"},
        ]
    )
    assert conversation_key(first) == conversation_key(later)
    assert last_user_text(later) == "q2"


def test_json_in_the_parts_of_a_tools_result_is_read_unescaped() -> None:
    part = {"type": "text", "text": '{"to": "greta\\u0040example.com"}'}
    given = body(messages=[{"role": "tool", "tool_call_id": "c", "content": [part]}])
    assert SECRET in texts_of(given)
    (message,) = map_texts(given, shout)["messages"]
    assert msgspec.json.decode(message["content"][0]["text"]) == {"to": "[EMAIL]"}


def test_signed_thinking_is_read_and_its_signature_stays() -> None:
    """Nobody but who made a signature can read it; what looks like none is a text."""
    signature = "sK9+/" * 8 + "="
    blocks = [
        {"type": "thinking", "thinking": f"ask {SECRET}", "signature": signature},
        {"type": "redacted_thinking", "data": signature},
        {"type": "thinking", "thinking": "x", "signature": f"ask {SECRET}", "more": SECRET},
        {"type": "redacted_thinking", "data": SECRET},
    ]
    given = body(messages=[{"role": "assistant", "content": "x", "thinking_blocks": blocks}])
    (message,) = map_texts(given, shout)["messages"]
    assert message["thinking_blocks"] == [
        {"type": "thinking", "thinking": "ask [EMAIL]", "signature": signature},
        {"type": "redacted_thinking", "data": signature},
        {"type": "thinking", "thinking": "x", "signature": "ask [EMAIL]", "more": "[EMAIL]"},
        {"type": "redacted_thinking", "data": "[EMAIL]"},
    ]


def test_marks_of_prompt_caches_are_no_text() -> None:
    mark = {"type": "ephemeral", "ttl": "5m"}
    part = {"type": "text", "text": "x", "cache_control": mark}
    given = body(messages=[{"role": "user", "content": [part], "cache_control": mark}])
    assert texts_of(given) == ["x"]
