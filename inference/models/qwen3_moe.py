"""Qwen3-MoE's sparse feed-forward (arXiv:2505.09388)."""

import torch

from inference.checkpoint import Checkpoint
from inference.kernels.interface import Batch, ExpertWeights, KernelSet, Routing
from inference.model_config import ModelConfig
from inference.models.routing import softmax_top_k


class Qwen3MoeFeedForward:
    def __init__(
        self, checkpoint: Checkpoint, prefix: str, config: ModelConfig, kernels: KernelSet
    ) -> None:
        gate, up, down = (
            [
                checkpoint.tensor(f"{prefix}.mlp.experts.{expert}.{name}_proj.weight")
                for expert in range(config.num_experts)
            ]
            for name in ("gate", "up", "down")
        )
        router = checkpoint.tensor(f"{prefix}.mlp.gate.weight")
        self._router = kernels.linear(router)
        self.routing = Routing("softmax", router, normalise=config.norm_topk_prob)
        self.experts = kernels.experts(
            ExpertWeights(gate, up, down), config.num_experts_per_tok / config.num_experts
        )
        self._normalise = config.norm_topk_prob

    def __call__(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        gates = softmax_top_k(self._router(hidden), batch, normalise=self._normalise)
        return self.experts(hidden, gates)
