"""What each backend is told: every dialect, every effort, and what is taken out."""

import itertools
from typing import Any, get_args

import pytest

from gateway.settings import DialectName, EffortName, GenerationName, UpstreamSettings
from gateway.upstreams.asked import EFFORTS, WORDS_OF_THINKING, asked_thinking
from gateway.upstreams.base import UpstreamRequest
from gateway.upstreams.dialects import DIALECTS, GENERATIONS, Speech, default_dialect

MESSAGES = [{"role": "user", "content": "Hi"}]


def upstream(dialect: str | None = None, **fields: Any) -> UpstreamSettings:
    given = {"kind": "openai", "base_url": "http://127.0.0.1:1/v1"} | fields
    return UpstreamSettings(name="u", zone="z", models=["m"], dialect=dialect, **given)  # type: ignore[arg-type]


def sent(
    settings: UpstreamSettings,
    body: dict[str, Any] | None = None,
    *,
    thinking: bool | None = None,
    effort: str | None = None,
    endpoint: str = "/chat/completions",
) -> dict[str, Any]:
    """The body that leaves, without what every one has."""
    request = UpstreamRequest(
        body={"model": "m", "messages": MESSAGES, **(body or {})},
        stream=False,
        affinity="",
        request_id="r",
        endpoint=endpoint,
        thinking=thinking,
        effort=effort,
    )
    out = Speech(settings).body(request)
    assert out.pop("model") == "m"
    if out.get("messages") == MESSAGES:
        del out["messages"]
    return out


def test_the_settings_name_every_dialect_and_generation() -> None:
    assert set(get_args(DialectName)) == set(DIALECTS)
    assert set(get_args(GenerationName)) == set(GENERATIONS)
    assert set(get_args(EffortName)) == set(EFFORTS) - {"none"}


THINKS = {
    "none": ({}, {}),
    "openai": ({"reasoning_effort": "high"}, {}),
    "compatible": ({"reasoning_effort": "high"}, {}),
    "deepseek": ({"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}),
    "vllm": (
        {"chat_template_kwargs": {"thinking": True, "enable_thinking": True}},
        {"chat_template_kwargs": {"thinking": False, "enable_thinking": False}},
    ),
    "ollama": ({"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
}
THINKS |= dict.fromkeys(("sglang", "llamacpp", "mindie"), THINKS["vllm"])
THINKS |= dict.fromkeys(("anthropic", "gemini"), THINKS["ollama"])


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_thinking_on_off_and_unsaid(dialect: str) -> None:
    on, off = THINKS[dialect]

    assert sent(upstream(dialect), thinking=True) == on
    assert sent(upstream(dialect), thinking=False) == off
    assert sent(upstream(dialect)) == {}


#                          minimal    low     medium    high    xhigh    max      ultra
WORDS = {
    "openai":             "minimal    low     medium    high    xhigh    xhigh    xhigh",
    "compatible":         "minimal    low     medium    high    xhigh    xhigh    xhigh",
    "deepseek":           "low        low     high      high    high     max      max",
    "vllm":               "low        low     medium    high    high     max      max",
    "sglang":             "low        low     medium    high    high     max      max",
    "llamacpp":           "low        low     medium    high    high     max      max",
    "mindie":             "low        low     medium    high    high     max      max",
    "ollama":             "low        low     medium    high    high     high     high",
    "anthropic":          "minimal    low     medium    high    xhigh    max      max",
    "gemini":             "minimal    low     medium    high    high     high     high",
}  # fmt: skip
EFFORT_WORDS = EFFORTS[1:]
GENERATION_WORDS = {
    "v4-preview":         "high       high    high      high    high     max      max",
    "v4":                 "low        low     high      high    high     max      max",
    "v4.1":               "low        low     high      high    high     max      max",
}  # fmt: skip


def word(body: dict[str, Any]) -> Any:
    kwargs = body.get("chat_template_kwargs", {})
    return body.get("reasoning_effort", kwargs.get("reasoning_effort"))


@pytest.mark.parametrize("dialect", sorted(WORDS))
def test_every_effort_has_the_backends_word(dialect: str) -> None:
    assert set(WORDS) | {"none"} == set(DIALECTS)
    for effort, expected in zip(EFFORT_WORDS, WORDS[dialect].split(), strict=True):
        assert word(sent(upstream(dialect), thinking=True, effort=effort)) == expected


@pytest.mark.parametrize(
    ("generation", "dialect"),
    list(itertools.product(GENERATIONS, ["vllm", "sglang", "llamacpp", "mindie"])),
)
def test_a_checkpoints_generation_decides_its_words(generation: str, dialect: str) -> None:
    settings = upstream(dialect, generation=generation)

    for effort, expected in zip(EFFORT_WORDS, GENERATION_WORDS[generation].split(), strict=True):
        assert word(sent(settings, thinking=True, effort=effort)) == expected
    # Engines differ in their default; ours is the vendor's.
    assert word(sent(settings, thinking=True)) == "high"
    assert word(sent(settings, thinking=False, effort="max")) is None


def test_an_operator_may_name_efforts() -> None:
    settings = upstream("ollama", efforts={"max": "max"})

    assert word(sent(settings, thinking=True, effort="max")) == "max"
    assert word(sent(settings, thinking=True, effort="low")) == "low"


@pytest.mark.parametrize("dialect", ["openai", "compatible"])
def test_off_is_said_to_openai_only_if_a_client_did(dialect: str) -> None:
    """A model that does not reason refuses the field."""
    for said in ("none", "minimal"):
        assert sent(upstream(dialect), thinking=False, effort=said) == {"reasoning_effort": said}
    assert sent(upstream(dialect), thinking=False, effort="low") == {}


@pytest.mark.parametrize("dialect", sorted(set(DIALECTS) - {"none"}))
@pytest.mark.parametrize("thinking", [None, True, False])
def test_the_clients_own_words_never_leave(dialect: str, thinking: bool | None) -> None:
    theirs = dict.fromkeys(WORDS_OF_THINKING, "theirs") | {
        "thinking": {"type": "enabled"},
        "chat_template_kwargs": {"thinking": "theirs", "reasoning_effort": "theirs"},
    }

    assert "theirs" not in str(sent(upstream(dialect), theirs, thinking=thinking))


def test_other_arguments_of_the_template_stay_where_there_is_one() -> None:
    body = {"chat_template_kwargs": {"documents": ["d"], "thinking": False}}

    assert sent(upstream("vllm"), body) == {"chat_template_kwargs": {"documents": ["d"]}}
    assert sent(upstream("vllm"), body, thinking=True) == {
        "chat_template_kwargs": {"documents": ["d"], "thinking": True, "enable_thinking": True}
    }


def test_none_passes_everything_on() -> None:
    body = {"thinking": {"type": "enabled"}, "max_completion_tokens": 5, "reasoning": {}}

    assert sent(upstream("none"), body, thinking=False, effort="low") == body


def test_a_budget_goes_to_anthropic_as_it_is() -> None:
    body = {"thinking": {"type": "enabled", "budget_tokens": 2048}}

    assert sent(upstream("anthropic"), body, thinking=True) == body
    assert sent(upstream("anthropic"), body, thinking=False) == {"reasoning_effort": "none"}
    assert sent(upstream("deepseek"), body, thinking=True) == {"thinking": {"type": "enabled"}}


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        ("openai", "max_completion_tokens"),
        *((name, "max_tokens") for name in
          ("deepseek", "llamacpp", "ollama", "mindie", "anthropic", "gemini")),
    ],
)  # fmt: skip
def test_the_limit_has_the_name_that_the_backend_knows(dialect: str, name: str) -> None:
    for given in ("max_tokens", "max_completion_tokens"):
        assert sent(upstream(dialect), {given: 7}) == {name: 7}
    both = {"max_tokens": 9, "max_completion_tokens": 7}
    assert sent(upstream(dialect), both) == {name: 7}
    assert sent(upstream(dialect), dict(reversed(both.items()))) == {name: 7}


@pytest.mark.parametrize("dialect", ["vllm", "sglang", "compatible", "none"])
def test_other_backends_take_either_name(dialect: str) -> None:
    both = {"max_tokens": 9, "max_completion_tokens": 7}

    assert sent(upstream(dialect), both) == both


SAMPLING = {"temperature": 0.2, "top_p": 0.9, "presence_penalty": 1, "frequency_penalty": 1}


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_sampling_is_left_out_where_thinking_refuses_it(dialect: str) -> None:
    assert SAMPLING.keys().isdisjoint(sent(upstream(dialect), SAMPLING, thinking=True))
    assert sent(upstream(dialect), SAMPLING) == SAMPLING


def test_parameters_that_a_backend_does_not_know() -> None:
    body = {"parallel_tool_calls": False}

    assert sent(upstream("deepseek"), body) == sent(upstream("mindie"), body) == {}
    assert sent(upstream("vllm"), body) == body


def test_marks_of_caches_leave_for_providers_that_know_them_only() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    body = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a", **mark}], **mark}],
        "tools": [{"type": "function", "function": {"name": "f"}, **mark}],
    }

    for dialect in sorted(set(DIALECTS) - {"none"}):
        left = "cache_control" in str(sent(upstream(dialect), body))
        assert left == (dialect in {"anthropic", "gemini"})
    assert str(body).count("cache_control") == 3, "the request itself was changed"


def test_the_developers_role_is_the_systems_but_for_openai() -> None:
    messages = [{"role": "developer", "content": "Be brief."}, *MESSAGES]

    for dialect in sorted(set(DIALECTS) - {"none"}):
        role = sent(upstream(dialect), {"messages": messages})["messages"][0]["role"]
        assert role == ("developer" if dialect == "openai" else "system")


def test_lists_of_texts_become_one_where_a_backend_reads_no_lists() -> None:
    texts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    image = [*texts, {"type": "image_url", "image_url": {"url": "data:,"}}]
    body = {"messages": [{"role": "user", "content": texts}, {"role": "user", "content": image}]}

    for dialect in ("deepseek", "mindie"):
        messages = sent(upstream(dialect), body)["messages"]
        assert [message["content"] for message in messages] == ["ab", image]
    assert sent(upstream("vllm"), body) == body


def test_messages_of_any_shape_pass() -> None:
    for dialect in DIALECTS:
        odd = {"messages": ["text", 5, {"role": "assistant"}, {"role": "user", "content": [1]}]}
        assert sent(upstream(dialect), odd)["messages"][0] == "text"
        assert sent(upstream(dialect), {"messages": "no list"}) == {"messages": "no list"}


def test_other_endpoints_are_left_alone() -> None:
    body = {"input": "x", "max_completion_tokens": 4, "reasoning_effort": "low"}

    assert sent(upstream("openai"), body, thinking=True, endpoint="/embeddings") == body


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"kind": "pool", "workers": ["http://a"]}, "vllm"),
        ({"base_url": "https://api.openai.com/v1"}, "openai"),
        ({"base_url": "https://x.openai.azure.com/openai/v1"}, "openai"),
        ({"base_url": "https://api.deepseek.com/v1"}, "deepseek"),
        ({"base_url": "https://llm.example.com/v1"}, "compatible"),
        ({"kind": "litellm", "model_prefix": "anthropic"}, "anthropic"),
        ({"kind": "litellm", "model_prefix": "bedrock/converse"}, "anthropic"),
        ({"kind": "litellm", "model_prefix": "vertex_ai"}, "gemini"),
        ({"kind": "litellm", "model_prefix": "gemini"}, "gemini"),
        ({"kind": "litellm", "model_prefix": "azure"}, "openai"),
        ({"kind": "litellm", "model_prefix": "deepseek"}, "deepseek"),
        ({"kind": "litellm", "model_prefix": "mistral"}, "compatible"),
    ],
)
def test_the_default_fits_kind_host_and_provider(fields: dict[str, Any], expected: str) -> None:
    assert default_dialect(upstream(**fields)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (None, None)),
        ({"reasoning_effort": "low"}, (True, "low")),
        ({"reasoning_effort": "medium"}, (True, "medium")),
        ({"reasoning_effort": "xhigh"}, (True, "xhigh")),
        ({"reasoning_effort": "none"}, (False, "none")),
        ({"reasoning_effort": "minimal"}, (False, "minimal")),
        ({"reasoning_effort": "enormous"}, (None, None)),
        ({"thinking": {"type": "enabled"}}, (True, None)),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, (True, "max")),
        ({"thinking": {"type": "disabled"}, "reasoning_effort": "high"}, (False, "high")),
        ({"thinking": True}, (True, None)),
        ({"thinking": False}, (False, None)),
        ({"reasoning": {"effort": "high"}}, (True, "high")),
        ({"reasoning": {"enabled": False}}, (False, None)),
        ({"think": False}, (False, None)),
        ({"think": "high"}, (True, "high")),
        ({"enable_thinking": True}, (True, None)),
        ({"chat_template_kwargs": {"thinking": True, "reasoning_effort": "max"}}, (True, "max")),
        ({"chat_template_kwargs": {"enable_thinking": False}}, (False, None)),
        ({"chat_template_kwargs": "text", "thinking": 3, "reasoning": [1]}, (None, None)),
    ],
)
def test_what_a_client_asks_for(body: dict[str, Any], expected: tuple[Any, Any]) -> None:
    assert asked_thinking({"model": "m", **body}) == expected


@pytest.mark.parametrize("endpoint", ["/chat/completions", "/completions", "/embeddings"])
def test_workers_keep_tenants_prompts_apart_whatever_a_client_says(endpoint: str) -> None:
    body = {"model": "m", "cache_salt": "another tenant's"}
    request = UpstreamRequest(
        body=body, stream=False, affinity="", request_id="r", endpoint=endpoint, cache_salt="own"
    )
    salted = endpoint != "/embeddings"
    assert Speech(upstream("vllm")).body(request)["cache_salt"] == (
        "own" if salted else "another tenant's"
    )
    assert body["cache_salt"] == "another tenant's"
