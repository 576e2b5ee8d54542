"""Which experts a token activates, with a budget that may differ from row to row."""

import torch

from inference.kernels.interface import Batch


def softmax_top_k(logits: torch.Tensor, batch: Batch, *, normalise: bool) -> torch.Tensor:
    """Gates of Mixtral and Qwen3-MoE.

    Args:
        logits: [tokens, experts].
        normalise: make each row's gates add up to 1.
    Returns:
        [tokens, experts] in the dtype of ``logits``: softmax weights, 0 where not chosen.
    """
    probabilities = torch.softmax(logits.float(), dim=-1)
    most = batch.default_experts if batch.num_experts is None else int(batch.num_experts.max())
    weights, chosen = probabilities.topk(most, dim=-1)
    if batch.num_experts is not None:
        weights = weights * _within_budget(batch.num_experts, most)
    if normalise:
        weights = weights / weights.sum(dim=-1, keepdim=True)
    return torch.zeros_like(probabilities).scatter_(1, chosen, weights).to(logits.dtype)


def top_k_mask(logits: torch.Tensor, budget: torch.Tensor) -> torch.Tensor:
    """1.0 for each row's ``budget`` highest logits, 0.0 for the others.

    Args:
        logits: [tokens, experts].
        budget: [tokens] int64.
    """
    ranks = logits.argsort(dim=-1, descending=True, stable=True)
    mask = _within_budget(budget, logits.shape[1]).to(logits.dtype)
    return torch.zeros_like(logits).scatter_(1, ranks, mask)


def _within_budget(budget: torch.Tensor, most: int) -> torch.Tensor:
    return torch.arange(most, device=budget.device)[None] < budget[:, None]
