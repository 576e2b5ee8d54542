"""Grouped routing: the experts of a few groups only, those whose best two score highest."""

import torch

from inference.checkpoint import Checkpoint
from inference.kernels.interface import Batch, ExpertWeights, KernelSet
from inference.kernels.reference.deepseek_v4 import route
from inference.model_config_deepseek_v3 import DeepseekV3Config
from inference.models.routing import count_active, within_mass

_PARTS = ("gate", "up", "down")


class DeepseekV3FeedForward:
    """The router of one layer, its experts, and the shared ones."""

    def __init__(
        self, checkpoint: Checkpoint, prefix: str, config: DeepseekV3Config, kernels: KernelSet
    ) -> None:
        self._config = config
        self.router = checkpoint.tensor(f"{prefix}.gate.weight", torch.float32)
        self.bias = checkpoint.tensor(f"{prefix}.gate.e_score_correction_bias", torch.float32)
        gate, up, down = (
            [
                checkpoint.tensor(f"{prefix}.experts.{expert}.{part}_proj.weight")
                for expert in range(config.num_routed_experts)
            ]
            for part in _PARTS
        )
        share = config.num_experts_per_tok / config.num_experts
        self.experts = kernels.experts(ExpertWeights(gate, up, down), share)
        gate, up, down = (
            [checkpoint.tensor(f"{prefix}.shared_experts.{part}_proj.weight")] for part in _PARTS
        )
        self.shared = kernels.experts(ExpertWeights(gate, up, down), 1.0)

    def __call__(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        gates = self._gates(hidden, batch).to(hidden.dtype)
        return self.experts(hidden, gates) + self.shared(hidden, None)

    def _gates(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        """[tokens, routed experts] float32."""
        config, budget = self._config, batch.num_experts
        scores = torch.nn.functional.linear(hidden.float(), self.router).sigmoid()
        routed = batch.default_experts if budget is None else budget[:, None]
        routed = routed - config.num_shared_experts
        most = batch.budget - config.num_shared_experts
        wanted = self.within_groups(scores + self.bias, routed)
        chosen = wanted.topk(most, dim=-1).indices
        kept = None
        if budget is not None:
            kept = torch.arange(most, device=hidden.device) < routed
        kept = within_mass(scores, chosen, kept, batch)
        scaling = config.routed_scaling_factor
        gates = route(scores, chosen, kept, scaling, normalise=config.norm_topk_prob)
        count_active(batch, gates, config.num_shared_experts)
        return gates

    def within_groups(self, wanted: torch.Tensor, routed: torch.Tensor | int) -> torch.Tensor:
        """``wanted`` [tokens, experts], -inf outside the best groups.

        A row whose budget ``routed`` is more experts than those groups hold sees them all.
        """
        config = self._config
        grouped = wanted.unflatten(-1, (config.groups, -1))
        best = grouped.topk(2, dim=-1).values.sum(-1).topk(config.groups_per_tok, dim=-1).indices
        outside = torch.ones(grouped.shape[:-1], dtype=torch.bool, device=wanted.device)
        outside.scatter_(1, best, False)
        limited = routed <= config.groups_per_tok * grouped.shape[-1]
        return grouped.masked_fill((outside & limited)[..., None], float("-inf")).flatten(1)
