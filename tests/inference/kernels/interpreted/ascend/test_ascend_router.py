"""Ascend's choice of experts at the edges: ties, -inf, NaN, budgets, tables, odd counts."""

from typing import Any

import pytest
import torch

from inference.kernels.ascend.router_choice import choose_experts
from inference.kernels.reference.experts_top_k import choose_experts as reference


def _both(logits: torch.Tensor, **options: Any) -> None:
    arguments: dict[str, Any] = {"bias": None, "table": None, "token_ids": None, "budget": None}
    arguments |= {"top_k": 6, "scaling": 2.5} | options
    ids, weights = choose_experts(logits, **arguments)
    expected_ids, expected_weights = reference(logits, **arguments)
    assert torch.equal(ids, expected_ids)
    torch.testing.assert_close(weights, expected_weights, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("experts", [6, 100, 384])
def test_chooses_as_the_reference_does(experts: int) -> None:
    generator = torch.Generator().manual_seed(experts)
    logits = 20 * torch.randn(9, experts, generator=generator)
    budget = torch.tensor([1, 2, 3, 4, 5, 6, 6, 1, 2], dtype=torch.int32)
    _both(logits, bias=torch.randn(experts, generator=generator), budget=budget)


def test_ties_and_what_is_no_number() -> None:
    low, unknown = float("-inf"), float("nan")
    logits = torch.randn(7, 12, generator=torch.Generator().manual_seed(1))
    logits[0, :8], logits[1], logits[2, ::2], logits[3], logits[4, 3] = (
        low,
        low,
        unknown,
        unknown,
        1e30,
    )
    logits[5], logits[6, ::2] = 0, 1
    _both(logits)
    _both(logits, bias=torch.full((12,), low))
    _both(logits, bias=torch.full((12,), unknown))


@pytest.mark.parametrize("top_k", [1, 6])
def test_a_table_names_the_experts_and_scores_weigh_them(top_k: int) -> None:
    generator = torch.Generator().manual_seed(top_k)
    table = torch.stack([torch.randperm(20, generator=generator)[:top_k] for _ in range(50)]).int()
    tokens = torch.tensor([3, 3, 49, 0, 17], dtype=torch.int32)
    logits = torch.randn(5, 20, generator=generator).round()  # with ties
    logits[1, 4] = float("nan")
    budget = torch.tensor([1, 1, top_k, top_k, 1], dtype=torch.int32)
    _both(logits, table=table, token_ids=tokens, top_k=top_k, budget=budget)
