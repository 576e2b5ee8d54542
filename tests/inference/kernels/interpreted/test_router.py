"""The router's kernels at the edges: odd sizes, ties, -inf, NaN, budgets, tables."""

from typing import Any

import pytest
import torch

from inference.kernels.cuda.router import router_slices
from inference.kernels.cuda.router_choice import choose_experts_of_slices
from inference.kernels.reference.experts_top_k import choose_experts, router_logits


def _both(logits: torch.Tensor, **options: Any) -> None:
    arguments: dict[str, Any] = {"bias": None, "table": None, "token_ids": None, "budget": None}
    arguments |= {"top_k": 6, "scaling": 2.5} | options
    ids, weights = choose_experts_of_slices(logits[None].contiguous(), **arguments)
    expected_ids, expected_weights = choose_experts(logits, **arguments)
    assert torch.equal(ids, expected_ids)
    torch.testing.assert_close(weights, expected_weights, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("rows", "experts", "width"), [(1, 8, 64), (5, 24, 100), (17, 33, 257), (70, 16, 128)]
)
def test_projects_odd_sizes(rows: int, experts: int, width: int) -> None:
    generator = torch.Generator().manual_seed(rows)
    hidden = torch.randn(rows, width, generator=generator).bfloat16()
    router = torch.randn(experts, width, generator=generator)
    found = router_slices(hidden, router).sum(0)
    torch.testing.assert_close(found, router_logits(hidden, router), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("experts", [6, 7, 64, 100, 384])
def test_chooses_as_the_reference_does(experts: int) -> None:
    generator = torch.Generator().manual_seed(experts)
    logits = 20 * torch.randn(9, experts, generator=generator)
    _both(logits, bias=torch.randn(experts, generator=generator))
    _both(logits, budget=torch.tensor([1, 2, 3, 4, 5, 6, 6, 1, 2], dtype=torch.int32))


def test_equal_scores_go_to_the_lower_expert() -> None:
    _both(torch.zeros(3, 40))
    _both(torch.tensor([[1.0, 2.0] * 20, [-0.0, 0.0] * 20, [-200.0, -300.0] * 20]))


def test_what_is_minus_infinite_or_no_number_is_chosen_last_and_weighs_nothing() -> None:
    low, unknown = float("-inf"), float("nan")
    logits = torch.randn(5, 12, generator=torch.Generator().manual_seed(1))
    logits[0, :8], logits[1], logits[2, ::2], logits[3], logits[4, 3] = (
        low,
        low,
        unknown,
        unknown,
        1e30,
    )
    _both(logits)
    _both(logits, bias=torch.full((12,), low))
    _both(logits, bias=torch.full((12,), unknown))


@pytest.mark.parametrize("top_k", [1, 2, 6])
def test_a_table_names_the_experts_and_scores_weigh_them(top_k: int) -> None:
    generator = torch.Generator().manual_seed(top_k)
    table = torch.stack([torch.randperm(20, generator=generator)[:top_k] for _ in range(50)]).int()
    tokens = torch.tensor([3, 3, 49, 0, 17], dtype=torch.int32)
    logits = torch.randn(5, 20, generator=generator).round()  # with ties
    logits[1, 4] = float("nan")
    options = {"table": table, "token_ids": tokens, "top_k": top_k}
    _both(logits, **options)
    budget = torch.tensor([1, 1, top_k, top_k, 1], dtype=torch.int32)
    _both(logits, **options, budget=budget)
