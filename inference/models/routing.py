"""Which experts a token activates, with a budget that may differ from row to row.

A budget is a number of experts, or the fewest of those that hold a share of the router's weight
("top-p routing", arXiv:2403.07652; there of all experts, here of those that the number allows,
since sigmoid-like routers spread a little weight over hundreds).
"""

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
    most = batch.budget
    weights, chosen = probabilities.topk(most, dim=-1)
    if batch.num_experts is not None:
        weights = weights * _within_budget(batch.num_experts, most)
    if batch.mass is not None:
        weights = weights * enough(weights, batch.mass.share)
    if normalise:
        weights = weights / weights.sum(dim=-1, keepdim=True)
    gates = torch.zeros_like(probabilities).scatter_(1, chosen, weights).to(logits.dtype)
    count_active(batch, gates)
    return gates


def top_k_mask(logits: torch.Tensor, budget: torch.Tensor) -> torch.Tensor:
    """1.0 for each row's ``budget`` highest logits, 0.0 for the others.

    Args:
        logits: [tokens, experts].
        budget: [tokens] int64.
    """
    ranks = logits.argsort(dim=-1, descending=True, stable=True)
    mask = _within_budget(budget, logits.shape[1]).to(logits.dtype)
    return torch.zeros_like(logits).scatter_(1, ranks, mask)


def enough(weights: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """The fewest experts of each row that hold ``share`` of its weight, one at least.

    Args:
        weights: [tokens, n], none negative; 0 where an expert is out of question.
        share: [tokens] within (0, 1]; with 1 all that have a weight are kept.
    Returns:
        [tokens, n] bool.
    """
    ranked, order = weights.sort(dim=-1, descending=True, stable=True)
    total = ranked.cumsum(dim=-1)  # one after the other: zeros at the end change no bit
    before = torch.nn.functional.pad(total[:, :-1], (1, 0))
    needed = (before < share[:, None] * total[:, -1:]) | (share[:, None] >= 1)
    needed[:, 0] = True
    return torch.zeros_like(needed).scatter_(1, order, needed)


def within_mass(
    scores: torch.Tensor, chosen: torch.Tensor, kept: torch.Tensor | None, batch: Batch
) -> torch.Tensor | None:
    """Of the experts ``chosen`` [tokens, n], those that count, as [tokens, n] bool; None: all.

    Args:
        scores: [tokens, experts], none negative: each expert's weight.
        kept: [tokens, n] bool: those that the rows' budgets allow; None: all.
    """
    if batch.mass is None:
        return kept
    weights = scores.gather(1, chosen)
    weights = weights if kept is None else weights * kept
    return enough(weights, batch.mass.share) & (weights > 0)


def count_active(batch: Batch, gates: torch.Tensor, shared: int = 0) -> None:
    """Note what one layer ran: experts with a gate, and ``shared`` ones on every row."""
    if batch.mass is not None:
        batch.mass.active += gates.count_nonzero(dim=-1) + shared
        batch.mass.layers += 1


def _within_budget(budget: torch.Tensor, most: int) -> torch.Tensor:
    return torch.arange(most, device=budget.device)[None] < budget[:, None]
