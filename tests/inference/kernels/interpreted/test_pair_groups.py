"""Pairs by expert: one chunk and several, experts without rows, rows without experts."""

import pytest
import torch

from inference.kernels.cuda.pair_groups import group_pairs
from inference.kernels.cuda.traffic import counted
from inference.kernels.reference.pair_groups import group_pairs as reference


def _both(chosen: torch.Tensor, experts: int, block_rows: int) -> None:
    with counted() as traffic:
        found = group_pairs(chosen, experts, block_rows)
    assert traffic.conflicts == []
    expected = reference(chosen, experts, block_rows)
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])


@pytest.mark.parametrize(
    ("rows", "top_k", "experts", "block_rows"),
    [
        (1, 1, 1, 16),
        (1, 6, 256, 16),
        (7, 3, 5, 16),
        (170, 6, 30, 64),
        (171, 6, 384, 64),  # in several chunks, as the next
        (700, 3, 9, 32),
    ],
)
def test_groups_any_number(rows: int, top_k: int, experts: int, block_rows: int) -> None:
    generator = torch.Generator().manual_seed(rows)
    chosen = torch.randint(experts, (rows, top_k), generator=generator).int()
    _both(chosen, experts, block_rows)
    chosen[torch.rand(rows, top_k, generator=generator) < 0.3] = -1
    _both(chosen, experts, block_rows)


@pytest.mark.parametrize("rows", [5, 600])
def test_one_expert_has_all_rows_or_none_has_any(rows: int) -> None:
    _both(torch.full((rows, 2), 7, dtype=torch.int32), 8, 16)
    _both(torch.full((rows, 2), -1, dtype=torch.int32), 8, 16)
