"""Mixtral's sparse feed-forward (arXiv:2401.04088)."""

import torch

from inference.checkpoint import Checkpoint
from inference.kernels.interface import Batch, ExpertWeights, KernelSet, Routing
from inference.model_config import ModelConfig
from inference.models.routing import softmax_top_k


class MixtralFeedForward:
    def __init__(
        self, checkpoint: Checkpoint, prefix: str, config: ModelConfig, kernels: KernelSet
    ) -> None:
        block = f"{prefix}.block_sparse_moe"
        gate, down, up = (
            [
                checkpoint.tensor(f"{block}.experts.{expert}.{name}.weight")
                for expert in range(config.num_experts)
            ]
            for name in ("w1", "w2", "w3")
        )
        router = checkpoint.tensor(f"{block}.gate.weight")
        self._router = kernels.linear(router)
        self.routing = Routing("softmax", router, normalise=True)
        self.experts = kernels.experts(
            ExpertWeights(gate, up, down), config.num_experts_per_tok / config.num_experts
        )

    def __call__(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.experts(hidden, softmax_top_k(self._router(hidden), batch, normalise=True))
