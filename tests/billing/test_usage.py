"""Usage: disjoint token classes."""

from decimal import Decimal
from typing import Any

import pytest

from billing import Usage
from billing.errors import InvalidUsage


def test_openai_counts_are_split_into_disjoint_classes() -> None:
    usage = Usage.from_openai(
        {
            "prompt_tokens": 1000,
            "completion_tokens": 300,
            "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 250},
        }
    )
    assert usage == Usage(
        input_tokens=300,
        cached_input_tokens=600,
        cache_write_tokens=100,
        output_tokens=50,
        reasoning_tokens=250,
    )
    assert (usage.prompt_tokens, usage.completion_tokens) == (1000, 300)


def test_deepseek_counts_cache_hits_under_another_name() -> None:
    usage = Usage.from_openai(
        {"prompt_tokens": 10, "prompt_cache_hit_tokens": 4, "completion_tokens": 2}
    )
    assert (usage.input_tokens, usage.cached_input_tokens) == (6, 4)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # vLLM with --enable-prompt-tokens-details; llama.cpp; OpenAI
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11,
          "prompt_tokens_details": {"cached_tokens": 8}}, (1, 8, 0, 2, 0)),
        # vLLM without; Ollama; MindIE
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11,
          "prompt_tokens_details": None}, (9, 0, 0, 2, 0)),
        # SGLang: reasoning beside the totals
        ({"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16, "reasoning_tokens": 5,
          "prompt_tokens_details": {"cached_tokens": 4}}, (5, 4, 0, 2, 5)),
        ({"prompt_tokens": 9, "completion_tokens": 7, "reasoning_tokens": 0}, (9, 0, 0, 7, 0)),
        # The DeepSeek API
        ({"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16,
          "prompt_cache_hit_tokens": 6, "prompt_cache_miss_tokens": 3,
          "prompt_tokens_details": {"cached_tokens": 6},
          "completion_tokens_details": {"reasoning_tokens": 5}}, (3, 6, 0, 2, 5)),
        # Anthropic and Bedrock through litellm
        ({"prompt_tokens": 46, "completion_tokens": 7, "total_tokens": 53,
          "completion_tokens_details": {"reasoning_tokens": 6, "text_tokens": 1},
          "prompt_tokens_details": {"cached_tokens": 30, "cache_creation_tokens": 5},
          "cache_creation_input_tokens": 5, "cache_read_input_tokens": 30}, (11, 30, 5, 1, 6)),
        ({"prompt_tokens": 46, "completion_tokens": 7, "cache_creation_input_tokens": 5,
          "cache_read_input_tokens": 30}, (11, 30, 5, 7, 0)),
        # xAI: completion_tokens leaves the reasoning out
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 111,
          "completion_tokens_details": {"reasoning_tokens": 100}}, (9, 0, 0, 2, 100)),
    ],
)  # fmt: skip
def test_every_backends_counts(counts: dict[str, Any], expected: tuple[int, ...]) -> None:
    usage = Usage.from_openai(counts)
    names = ("input", "cached_input", "cache_write", "output", "reasoning")
    assert tuple(getattr(usage, f"{name}_tokens") for name in names) == expected


@pytest.mark.parametrize(
    "counts",
    [
        {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}},
        {"completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 2}},
        {"prompt_tokens": -1},
        {"prompt_tokens": 1.5},
        {"prompt_tokens": "12"},
    ],
)
def test_counts_that_cannot_be_are_refused(counts: dict[str, Any]) -> None:
    with pytest.raises(InvalidUsage):
        Usage.from_openai(counts)


def test_nulls_of_an_upstream_are_zeros() -> None:
    assert Usage.from_openai({"prompt_tokens": None, "prompt_tokens_details": None}) == Usage()


@pytest.mark.parametrize("seconds", [0.5, Decimal("-1"), Decimal("NaN"), 1])
def test_worker_seconds_are_exact_and_not_negative(seconds: Any) -> None:
    with pytest.raises(InvalidUsage):
        Usage(worker_seconds=seconds)


def test_worker_seconds_round_up_to_a_microsecond() -> None:
    assert Usage(worker_seconds=Decimal("0.1234561")).worker_seconds == Decimal("0.123457")


def test_json_and_back() -> None:
    usage = Usage(input_tokens=3, worker_seconds=Decimal("0.25"), estimated=True)
    assert usage.to_json()["worker_seconds"] == "0.25"
    assert Usage.from_json(usage.to_json()) == usage
