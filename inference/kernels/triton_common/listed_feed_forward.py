"""Feed-forwards of Mixtral, Qwen3-MoE, DeepSeek-V3 and our own models by lists of experts.

Their layers give experts a matrix of gates, of which nobody but the device knows how many a row
has. The batch knows it: so lists are made as wide as its budget, and the host asks nothing.
"""

from typing import Any

import torch
from torch.nn.functional import linear

from inference.kernels.interface import Batch
from inference.kernels.reference.deepseek_v4 import route_weights
from inference.kernels.reference.experts_top_k import choose_beside_shared, choose_by_softmax
from inference.kernels.triton_common.feed_forward import ListedExperts, budget_of


class ListedFeedForward:
    """Stands in for a `models.decoder.FeedForward`, ``plain``, whose experts take lists."""

    def __init__(self, config: Any, plain: Any) -> None:
        self._usual, self._plain = config.num_experts_per_tok, plain
        self.experts, self.routing = plain.experts, plain.routing

    def __call__(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        if batch.mass is not None or self._all(batch):  # counted; or no list is needed
            return self._plain(hidden, batch)
        routing = self.routing
        budget, most = budget_of(batch, self._usual)
        if routing.kind == "softmax":
            chosen, weights = choose_by_softmax(
                linear(hidden, routing.router),
                budget,
                top_k=most,
                normalise=routing.normalise,
            )
        else:
            chosen, weights = choose_beside_shared(
                torch.addmm(routing.bias, hidden.float(), routing.router.t()),
                budget,
                top_k=most,
                shared=routing.shared,
            )
        return self.experts.run(hidden.contiguous(), chosen, weights, None, whole=budget is None)

    def _all(self, batch: Batch) -> bool:
        """Every expert runs with weight 1."""
        routing = self.routing
        if routing.kind == "softmax" or batch.num_experts is not None:
            return False
        return batch.default_experts >= routing.shared + len(routing.router)


class GroupedFeedForward:
    """Stands in for a `models.deepseek_v3.feed_forward.DeepseekV3FeedForward`, ``plain``."""

    def __init__(self, config: Any, plain: Any) -> None:
        self._config, self._plain = config, plain

    def __call__(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        config, plain = self._config, self._plain
        fixed = config.num_shared_experts
        budget, most = budget_of(batch, config.num_experts_per_tok)
        if batch.mass is not None or most <= fixed:
            return plain(hidden, batch)
        shared, kept, routed = plain.shared(hidden, None), None, most - fixed
        scores = linear(hidden.float(), plain.router).sigmoid()
        if budget is not None:
            routed = budget[:, None] - fixed
            kept = torch.arange(most - fixed, device=hidden.device) < routed
        wanted = plain.within_groups(scores + plain.bias, routed)
        chosen = wanted.topk(most - fixed, dim=-1).indices
        weights = route_weights(
            scores,
            chosen,
            kept,
            config.routed_scaling_factor,
            normalise=config.norm_topk_prob,
        )
        if kept is not None:
            chosen = chosen.masked_fill(~kept, -1)
        hidden = hidden.contiguous()
        return plain.experts.run(hidden, chosen.int(), weights, shared, whole=budget is None)


def list_experts(model: Any) -> None:
    """Layers of ``model`` choose experts by lists where their experts take them."""
    for layer in model.layers:
        plain = layer.feed_forward
        if not isinstance(getattr(plain, "experts", None), ListedExperts):
            continue
        if hasattr(plain, "within_groups"):
            layer.feed_forward = GroupedFeedForward(model.config, plain)
        elif plain.routing.kind != "all":
            layer.feed_forward = ListedFeedForward(model.config, plain)
