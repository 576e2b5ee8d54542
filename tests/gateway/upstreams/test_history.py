"""Reasoning of earlier turns: left out, sent back, or renamed; DeepSeek's own rule as oracle."""

import json
from typing import Any

import deepseek_recipe as recipe
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.upstreams.dialects import DIALECTS
from gateway.upstreams.history import reasoning_of

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
NAMES = ["reasoning_content", "reasoning", "thinking", "reasoning_details", "thinking_blocks"]


def named(name: str, text: str) -> dict[str, Any]:
    if name == "reasoning_details":
        return {name: [{"type": "reasoning.text", "text": text}]}
    if name == "thinking_blocks":
        return {name: [{"type": "thinking", "thinking": text, "signature": "s"}]}
    return {name: text}


def turns(name: str = "reasoning_content", *, calls: bool = False) -> list[dict[str, Any]]:
    answer: dict[str, Any] = {"role": "assistant", "content": "A.", **named(name, "First thought")}
    if calls:
        answer["tool_calls"] = [CALL]
    result = [{"role": "tool", "tool_call_id": "call_1", "content": "r"}] if calls else []
    return [
        {"role": "user", "content": "1"},
        answer,
        *result,
        {"role": "user", "content": "2"},
        {"role": "assistant", "content": "B.", **named(name, "Second thought")},
        {"role": "user", "content": "3"},
    ]


def fitted(dialect: str, body: dict[str, Any], *, thinking: bool | None = True) -> list[Any]:
    return DIALECTS[dialect].request({"model": "m", **body}, thinking=thinking, effort=None)[
        "messages"
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("dialect", "theirs"),
    [
        ("vllm", "reasoning"),
        ("ollama", "reasoning"),
        ("sglang", "reasoning_content"),
        ("llamacpp", "reasoning_content"),
        ("mindie", "reasoning_content"),
        ("openai", None),
    ],
)
def test_reasoning_goes_back_under_the_backends_name(
    dialect: str, theirs: str | None, name: str
) -> None:
    answers = [m for m in fitted(dialect, {"messages": turns(name)}) if m["role"] == "assistant"]

    for answer, text in zip(answers, ["First thought", "Second thought"], strict=True):
        expected = {} if theirs is None else {theirs: text}
        assert {key: answer[key] for key in answer if key in NAMES} == expected


@pytest.mark.parametrize("dialect", ["compatible", "anthropic", "gemini", "none"])
@pytest.mark.parametrize("name", NAMES)
def test_others_get_what_the_client_sent(dialect: str, name: str) -> None:
    messages = turns(name)

    assert fitted(dialect, {"messages": messages}) == messages


def test_messages_that_fit_are_the_same_objects() -> None:
    messages = turns()
    for dialect in ("sglang", "compatible"):
        out = fitted(dialect, {"messages": messages})
        assert all(ours is theirs for ours, theirs in zip(out, messages, strict=True))


def test_deepseek_without_tools_gets_no_reasoning_of_earlier_turns() -> None:
    assert "thought" not in str(fitted("deepseek", {"messages": turns()}))


@pytest.mark.parametrize("name", NAMES)
def test_deepseek_with_tools_gets_all_of_it(name: str) -> None:
    for body in (
        {"messages": turns(name), "tools": [TOOL]},
        {"messages": turns(name, calls=True)},
    ):
        answers = [m for m in fitted("deepseek", body) if m["role"] == "assistant"]
        assert [m["reasoning_content"] for m in answers] == ["First thought", "Second thought"]
        assert all(set(m) & set(NAMES) == {"reasoning_content"} for m in answers)


def test_deepseek_refuses_a_turn_without_reasoning_so_it_gets_the_least() -> None:
    messages = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "A."}]
    body = {"messages": messages, "tools": [TOOL]}

    assert fitted("deepseek", body)[1]["reasoning_content"] == " "
    assert "reasoning_content" not in fitted("deepseek", body, thinking=False)[1]
    assert "reasoning_content" not in fitted("deepseek", {"messages": messages})[1]


def test_a_prefix_that_goes_on_keeps_its_reasoning() -> None:
    prefix = {"role": "assistant", "content": "So", "reasoning_content": "R", "prefix": True}

    assert fitted("deepseek", {"messages": [{"role": "user", "content": "1"}, prefix]})[1] == prefix


messages_of = st.lists(
    st.one_of(
        st.just({"role": "user", "content": "Q"}),
        st.builds(
            lambda text, think: {"role": "assistant", "content": text, "reasoning_content": think},
            st.sampled_from(["A", "B"]),
            st.sampled_from(["one", "two"]),
        ),
    ),
    min_size=1,
    max_size=6,
).map(lambda turns_: [*turns_, {"role": "user", "content": "last"}])


@given(messages=messages_of, tools=st.booleans())
@settings(max_examples=100, deadline=None)
def test_the_model_sees_the_prompt_that_it_would_have_seen(
    messages: list[dict[str, Any]], tools: bool
) -> None:
    """What is left out is what DeepSeek's encoding leaves out too."""
    body: dict[str, Any] = {"model": "DeepSeek-V4-Pro", "messages": messages}
    if tools:
        body["tools"] = [TOOL]
    out = DIALECTS["deepseek"].request(body, thinking=True, effort="high")

    assert prompt_of(out) == prompt_of({**body, "thinking": {"type": "enabled"}})
    if not tools:
        assert not any("reasoning_content" in message for message in out["messages"])


def prompt_of(body: dict[str, Any]) -> str:
    request = recipe.ChatCompletionRequest(json.dumps({**body, "reasoning_effort": "high"}))
    options = recipe.ConversionOptions(
        reasoning_content_behavior=recipe.ReasoningContentBehavior.Reject
    )
    conversation = request.convert(options).conversation
    return recipe.DeepseekV4Encoding().render_conversation(conversation).prompt


def test_reasoning_of_nothing() -> None:
    assert reasoning_of({}) is None
    assert reasoning_of({"reasoning": None, "reasoning_details": [{"type": "x"}]}) is None
    assert reasoning_of({"reasoning_content": "", "thinking": "t"}) == "t"
