"""Vectors for texts from the served model: the mean of its last hidden states, of length one.

A basic embedding: a decoder made to continue texts was not trained to compare them. Each text is
computed on its own, in a cache of its own, between two steps of the engine.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from inference.errors import ContextOverflow, InferenceError, RequestInvalid
from inference.kernels.interface import Batch, ExpertMass, PrefillChunk
from inference.models import Model


@dataclass(frozen=True, slots=True)
class Embedding:
    """One text's vector, what it took, or why there is none."""

    vector: list[float]
    work_ns: int = 0
    error: InferenceError | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingJob:
    """A text that waits; ``sink`` is called in the engine's thread."""

    token_ids: list[int]
    num_experts: int
    expert_mass: float
    sink: Callable[[Embedding], None]


def check_text(token_ids: Sequence[int], max_context: int, vocab_size: int) -> None:
    """Raises RequestInvalid or ContextOverflow for what cannot be embedded."""
    if not token_ids:
        raise RequestInvalid("A text is empty; send at least one token.", param="input")
    if not all(0 <= token < vocab_size for token in token_ids):
        raise RequestInvalid("input holds a token id outside the vocabulary.", param="input")
    if len(token_ids) > max_context:
        raise ContextOverflow(
            f"A text has {len(token_ids)} tokens, but this model's context holds {max_context};"
            " split it.",
            param="input",
        )


@torch.inference_mode()
def embed(
    model: Model,
    token_ids: list[int],
    num_experts: int,
    block_size: int,
    expert_mass: float = 1.0,
) -> Embedding:
    """The vector of one checked text."""
    started = time.perf_counter_ns()
    count = len(token_ids)
    blocks = -(-count // block_size)
    cache = model.make_cache(blocks, block_size, 1)
    whole = _long(model, range(count))
    batch = Batch(
        token_ids=_long(model, token_ids),
        positions=whole,
        slots=whole,
        num_decode=0,
        decode_blocks=_long(model, ()).view(0, 0),
        decode_mask=torch.zeros((0, 1, 1, 0), dtype=torch.bool, device=model.device),
        prefill=[PrefillChunk(0, 0, count, _long(model, range(blocks)))],
        sample_rows=_long(model, ()),
        default_experts=num_experts,
        mass=_mass(expert_mass, whole),
    )
    mean = model.hidden_states(batch, cache).float().mean(0)
    vector = torch.nn.functional.normalize(mean, dim=0)
    return Embedding(vector.tolist(), time.perf_counter_ns() - started)


def _mass(share: float, rows: torch.Tensor) -> ExpertMass | None:
    if share >= 1:
        return None
    return ExpertMass(torch.full(rows.shape, share, device=rows.device), torch.zeros_like(rows))


def _long(model: Model, values: Sequence[int]) -> torch.Tensor:
    return torch.tensor(list(values), dtype=torch.long, device=model.device)
