"""The dense feed-forward of Llama-like models."""

import torch

from inference.checkpoint import Checkpoint
from inference.kernels.interface import Batch, ExpertWeights, KernelSet, Routing


class DenseFeedForward:
    """SwiGLU; one expert that every token activates."""

    def __init__(self, checkpoint: Checkpoint, prefix: str, kernels: KernelSet) -> None:
        gate, up, down = (
            checkpoint.tensor(f"{prefix}.mlp.{name}_proj.weight") for name in ("gate", "up", "down")
        )
        self.routing = Routing()
        self.experts = kernels.experts(ExpertWeights([gate], [up], [down]), 1.0)

    def __call__(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.experts(hidden, None)
