"""Lists of experts say what the models' matrices of gates say, bit for bit."""

import pytest
import torch
from torch.nn.functional import pad

from inference.kernels.interface import Batch
from inference.kernels.reference.experts_top_k import choose_beside_shared, choose_by_softmax
from inference.models.routing import softmax_top_k, top_k_mask

ROWS, EXPERTS, MOST = 7, 9, 4
BUDGETS = torch.tensor([1, 2, 3, 4, 4, 1, 2])


def _logits() -> torch.Tensor:
    logits = torch.randn(ROWS, EXPERTS, generator=torch.Generator().manual_seed(1))
    logits[2, ::2], logits[3] = 1.0, float("-inf")
    logits[3, 4:] = 0.0
    return logits


def _batch(budget: torch.Tensor | None) -> Batch:
    none = torch.zeros(ROWS, dtype=torch.long)
    return Batch(
        none, none, none, ROWS, none[:, None], none, [], none,
        num_experts=budget, default_experts=MOST, most_experts=MOST,
    )  # fmt: skip


def _gates(chosen: torch.Tensor, weights: torch.Tensor, experts: int) -> torch.Tensor:
    assert chosen.dtype == torch.int32
    assert bool((weights[chosen < 0] == 0).all())
    places = chosen.long().where(chosen >= 0, experts)
    return torch.zeros(ROWS, experts + 1).scatter_(1, places, weights)[:, :experts]


@pytest.mark.parametrize("budget", [None, BUDGETS])
@pytest.mark.parametrize("normalise", [True, False])
def test_by_softmax(budget: torch.Tensor | None, normalise: bool) -> None:
    found = choose_by_softmax(_logits(), budget, top_k=MOST, normalise=normalise)
    expected = softmax_top_k(_logits(), _batch(budget), normalise=normalise)
    assert torch.equal(_gates(*found, EXPERTS), expected)


@pytest.mark.parametrize("shared", [0, 1, 3])
def test_beside_shared_ones(shared: int) -> None:
    budget = BUDGETS.clamp(min=shared)
    found = choose_beside_shared(_logits(), budget, top_k=MOST, shared=shared)
    expected = pad(top_k_mask(_logits(), budget - shared), (shared, 0), value=1.0)
    assert torch.equal(_gates(*found, shared + EXPERTS), expected)
    every, ones = choose_beside_shared(_logits(), None, top_k=MOST, shared=shared)
    assert every.shape == (ROWS, MOST)
    assert bool((every >= 0).all() and (ones == 1).all())
