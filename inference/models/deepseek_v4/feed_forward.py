"""Experts that every token or its scores choose, and the shared one."""

import torch

from inference.checkpoint import Checkpoint
from inference.kernels.interface import Batch, ExpertWeights, KernelSet
from inference.kernels.reference.deepseek_v4 import route, sqrt_softplus
from inference.model_config_deepseek_v4 import DeepseekV4Config
from inference.models.routing import count_active, within_mass

_PARTS = ("w1", "w3", "w2")  # gate, up, down


class DeepseekV4FeedForward:
    """The router of one layer and its experts.

    In the first layers a frozen table names the experts of each token id; scores weigh them. A
    budget keeps, of the experts that would run, those with the highest scores.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        prefix: str,
        config: DeepseekV4Config,
        kernels: KernelSet,
        *,
        by_token: bool,
    ) -> None:
        self._config = config
        self.router = checkpoint.tensor(f"{prefix}.gate.weight", torch.float32)
        self.table = checkpoint.tensor(f"{prefix}.gate.tid2eid", torch.int64) if by_token else None
        self.bias = None if by_token else checkpoint.tensor(f"{prefix}.gate.bias", torch.float32)
        gate, up, down = (
            [
                checkpoint.tensor(f"{prefix}.experts.{expert}.{part}.weight")
                for expert in range(config.num_routed_experts)
            ]
            for part in _PARTS
        )
        share = config.num_experts_per_tok / config.num_experts
        self.experts = kernels.experts(
            ExpertWeights(gate, up, down, limit=config.swiglu_limit), share
        )
        gate, up, down = (
            [checkpoint.tensor(f"{prefix}.shared_experts.{part}.weight")] for part in _PARTS
        )
        weights = ExpertWeights(gate, up, down, limit=config.swiglu_limit)
        self.shared = kernels.experts(weights, 1.0)

    def __call__(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        gates = self._gates(hidden, batch).to(hidden.dtype)
        return self.experts(hidden, gates) + self.shared(hidden, None)

    def _gates(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        """[tokens, routed experts] float32: each one's weight, 0 where it does not run."""
        scores = sqrt_softplus(torch.nn.functional.linear(hidden.float(), self.router))
        budget = batch.num_experts
        most = batch.budget - self._config.num_shared_experts
        if self.table is None:
            assert self.bias is not None
            chosen = (scores + self.bias).topk(most, dim=-1).indices
        else:
            chosen = self.table[batch.token_ids]
            order = scores.gather(1, chosen).argsort(dim=-1, descending=True, stable=True)
            chosen = chosen.gather(1, order)[:, :most]
        kept = None
        if budget is not None:
            ranks = torch.arange(chosen.shape[1], device=hidden.device)
            kept = ranks < (budget - self._config.num_shared_experts)[:, None]
        kept = within_mass(scores, chosen, kept, batch)
        gates = route(scores, chosen, kept, self._config.routed_scaling_factor)
        count_active(batch, gates, self._config.num_shared_experts)
        return gates
