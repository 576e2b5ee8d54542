"""However the work is cut and whatever runs beside it, every family's answers stay the same."""

from pathlib import Path
from typing import Any

import pytest
import torch
from engine_helpers import small_engine, vectors
from soaking import soak
from tiny_v4 import make_tiny_v4

from inference.engine.scheduler import SchedulerLimits

IDS = [3, 14, 59, 26, 53, 58, 90, 93, 23, 84, 62, 64, 33]


def test_a_soak_changes_no_answer_and_loses_no_block(tiny: tuple[Path, Any]) -> None:
    """Chunks, batches, preemption, prefixes found again, and guesses that are taken back."""
    stats = soak(tiny[0], seed=8, guesses=4).stats
    assert stats.cached_tokens > 0
    assert stats.accepted_tokens < stats.guessed_tokens


@pytest.mark.parametrize("count", [1, 13])
def test_vectors_of_deepseek_v4_equal_those_of_transformers(tmp_path: Path, count: int) -> None:
    oracle = make_tiny_v4(tmp_path)
    limits = SchedulerLimits(max_prefill_tokens=6)  # the longer text is computed in three parts
    engine = small_engine(tmp_path, block_size=8, limits=limits)
    _, found = vectors(engine, [IDS[:3], IDS[:count]])
    with torch.inference_mode():
        hidden = oracle.model(torch.tensor([IDS[:count]])).last_hidden_state[0]
    theirs = torch.nn.functional.normalize(hidden.mean(0), dim=0)
    assert (torch.tensor(found.vector) - theirs).abs().max() <= 2e-5
