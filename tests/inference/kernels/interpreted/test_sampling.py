"""The sampling kernel draws what the reference draws, however a row is cut."""

from typing import Any

import pytest
import torch

from inference.kernels.cuda import sampling
from inference.kernels.reference.sampling import sample as reference
from inference.kernels.reference.sampling import uniform

ALL = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
WISHES = [
    {},
    {"temperature": 0.0},
    {"temperature": 0.3},
    {"top_k": 1},
    {"top_k": 5},
    {"top_k": 1000},
    {"top_p": 0.5},
    {"top_p": 0.01},
    {"min_p": 0.3},
    {"top_k": 50, "top_p": 0.9, "min_p": 0.02, "temperature": 1.7},
]


def _arguments(logits: torch.Tensor, wishes: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    rows = [ALL | wish for wish in wishes]
    return {
        "logits": logits,
        "temperatures": torch.tensor([float(row["temperature"]) for row in rows]),
        "top_ks": torch.tensor([row["top_k"] for row in rows], dtype=torch.int32),
        "top_ps": torch.tensor([float(row["top_p"]) for row in rows]),
        "min_ps": torch.tensor([float(row["min_p"]) for row in rows]),
        "seeds": torch.arange(len(rows)) * 0x1_2345_6789,
        "counters": torch.arange(len(rows), dtype=torch.int32) + 7,
    }


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of 64 tokens of which 4 are kept, so that few tokens are many slices."""
    chosen = {"CHUNK": 64, "KEPT": 4, "num_warps": 1}
    monkeypatch.setattr(sampling, "configuration", lambda *_: dict(chosen))


def test_philox_gives_the_published_numbers() -> None:
    # Random123's known answer for a key and a counter of zeros: 6627e8d5 e169c58d ...
    assert uniform(0, 0) == ((0x6627E8D5 << 21) | (0xE169C58D >> 11)) / 2**53


def test_draws_as_the_reference(small_slices: None) -> None:
    generator = torch.Generator().manual_seed(3)
    flat = [{"top_k": 5}, {"top_p": 0.5}, WISHES[-1]]  # searched row by row, which is slow here
    logits = torch.randn(len(WISHES) + len(flat), 70, generator=generator)
    logits[: len(WISHES)] *= 6.0
    logits[len(WISHES) :] *= 0.1
    arguments = _arguments(logits, WISHES + flat)
    assert torch.equal(sampling.sample(**arguments), reference(**arguments))


def test_a_row_of_one_slice_may_go_on_beyond_what_is_kept(small_slices: None) -> None:
    logits = torch.randn(len(WISHES), 60, generator=torch.Generator().manual_seed(4))
    arguments = _arguments(logits, [{"min_p": 0.01}, {"top_p": 0.99}, {"top_k": 50}, *WISHES[:7]])
    assert torch.equal(sampling.sample(**arguments), reference(**arguments))


def test_ties_infinities_and_what_is_no_number(small_slices: None) -> None:
    low, unknown = float("-inf"), float("nan")
    logits = torch.zeros(6, 80)
    logits[1], logits[2], logits[3, ::2], logits[4, 3:] = low, unknown, unknown, low
    logits[5, 77] = -0.0
    for wish in ({}, {"temperature": 0.0}, {"top_k": 3}):
        arguments = _arguments(logits, [wish] * 6)
        assert torch.equal(sampling.sample(**arguments), reference(**arguments))
