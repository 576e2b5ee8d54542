"""Our converted models: shared experts always, routed experts by a fitted router.

Every active expert has weight 1, so with all experts active the layer equals
the dense feed-forward that it was split from.
"""

import torch

from inference.checkpoint import Checkpoint
from inference.kernels.interface import Batch, ExpertWeights, KernelSet, Routing
from inference.model_config import ModelConfig
from inference.models.routing import count_active, enough, top_k_mask


class SovgateMoeFeedForward:
    def __init__(
        self, checkpoint: Checkpoint, prefix: str, config: ModelConfig, kernels: KernelSet
    ) -> None:
        self._shared, self._total = config.num_shared_experts, config.num_experts
        names = [f"shared_experts.{i}" for i in range(self._shared)]
        names += [f"experts.{i}" for i in range(config.num_routed_experts)]
        gate, up, down = (
            [checkpoint.tensor(f"{prefix}.mlp.{name}.{part}_proj.weight") for name in names]
            for part in ("gate", "up", "down")
        )
        self.experts = kernels.experts(
            ExpertWeights(gate, up, down), config.num_experts_per_tok / config.num_experts
        )
        self._router = checkpoint.tensor(f"{prefix}.mlp.gate.weight").float()
        self._bias = checkpoint.tensor(f"{prefix}.mlp.gate.bias").float()
        self.routing = Routing("shared", self._router, self._bias, shared=self._shared)

    def __call__(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        full = batch.num_experts is None and batch.default_experts >= self._total
        if full and batch.mass is None:
            return self.experts(hidden, None)
        return self.experts(hidden, self._gates(hidden, batch))

    def _gates(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        """[tokens, experts], shared ones first: 1 where active, 0 elsewhere."""
        logits = torch.addmm(self._bias, hidden.float(), self._router.t())
        budget = batch.num_experts
        if budget is None:
            budget = torch.full((len(hidden),), batch.default_experts, device=hidden.device)
        routed = top_k_mask(logits, budget - self._shared)
        if batch.mass is not None:  # the fitted logits are logarithms of the outputs' sizes
            routed = routed * enough(torch.softmax(logits, -1) * routed, batch.mass.share)
        count_active(batch, routed, self._shared)
        return torch.nn.functional.pad(routed, (self._shared, 0), value=1.0).to(hidden.dtype)
