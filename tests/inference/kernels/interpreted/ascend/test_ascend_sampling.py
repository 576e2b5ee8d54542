"""The sampling kernels of Ascend draw what the reference draws, at the edges too."""

from typing import Any

import pytest
import torch

from inference.kernels.ascend import sampling
from inference.kernels.reference.sampling import sample as reference

ALL = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
WISHES = [
    {},
    {"temperature": 0.0},
    {"top_k": 1},
    {"top_k": 5, "temperature": 0.3},
    {"top_k": 1000},
    {"top_p": 0.5},
    {"top_p": 0.0},
    {"min_p": 0.3},
    {"min_p": 1.0, "top_k": 9},
    {"top_k": 50, "top_p": 0.9, "min_p": 0.02, "temperature": 1.7},
]


@pytest.fixture(autouse=True)
def _small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_TILE", 64)


def _both(logits: torch.Tensor, wishes: list[dict[str, Any]]) -> None:
    rows = [ALL | wish for wish in wishes]
    arguments = {
        "logits": logits,
        "temperatures": torch.tensor([float(row["temperature"]) for row in rows]),
        "top_ks": torch.tensor([row["top_k"] for row in rows], dtype=torch.int32),
        "top_ps": torch.tensor([float(row["top_p"]) for row in rows]),
        "min_ps": torch.tensor([float(row["min_p"]) for row in rows]),
        "seeds": torch.arange(len(rows)) * 0x1_2345_6789,
        "counters": torch.arange(len(rows), dtype=torch.int32) + 7,
    }
    assert torch.equal(sampling.sample(**arguments), reference(**arguments))


@pytest.mark.parametrize("sharpness", [0.1, 6.0])
def test_draws_as_the_reference(sharpness: float) -> None:
    generator = torch.Generator().manual_seed(3)
    _both(sharpness * torch.randn(len(WISHES), 150, generator=generator), WISHES)


@pytest.mark.parametrize("wish", [{}, {"temperature": 0.0}, {"top_k": 3}, {"top_p": 0.4}])
def test_ties_infinities_and_what_is_no_number(wish: dict[str, Any]) -> None:
    low, unknown = float("-inf"), float("nan")
    logits = torch.zeros(6, 130)
    logits[1], logits[2], logits[3, ::2], logits[4, 3:] = low, unknown, unknown, low
    logits[5, 77] = -0.0
    _both(logits, [wish] * 6)
