"""Which experts a row activates, and with what weights, as lists: [rows, k] ids and weights."""

import torch

from inference.kernels.reference.deepseek_v4 import sqrt_softplus

_EPS = 1e-20


def router_logits(hidden: torch.Tensor, router: torch.Tensor) -> torch.Tensor:
    """[T, D] in any float dtype and [E, D] float32 to [T, E] float32."""
    return torch.nn.functional.linear(hidden.float(), router)


def choose_experts(
    logits: torch.Tensor,
    bias: torch.Tensor | None,
    table: torch.Tensor | None,
    token_ids: torch.Tensor | None,
    budget: torch.Tensor | None,
    *,
    top_k: int,
    scaling: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """DeepSeek-V4's router after its projection.

    Scores are sqrt(softplus(logits)); a score that is not a number counts as the lowest and
    weighs nothing. Without a table the ``top_k`` highest ``scores + bias`` run, of equal ones
    the lower expert; with a table, those that it names for the row's token, by score, equal ones in
    its order. The first ``budget`` of them are kept.

    Args:
        logits: [T, E] float32. bias: [E] float32. table: [vocab, top_k] int32.
        token_ids: [T] int32. budget: [T] int32, at least 1; ``None``: all are kept.
    Returns:
        Experts [T, top_k] int32, best first, -1 where not kept; weights [T, top_k] float32, which
        add up to ``scaling``, 0 where not kept.
    """
    unknown = logits.isnan()
    scores = sqrt_softplus(logits.masked_fill(unknown, float("-inf")))
    if table is not None and token_ids is not None:
        named = table[token_ids.long()].long()
        ranks = torch.sort(scores.gather(1, named), dim=1, descending=True, stable=True).indices
        chosen = named.gather(1, ranks)
    else:
        wanted = scores if bias is None else scores + bias
        wanted = wanted.masked_fill(unknown | wanted.isnan(), float("-inf"))
        chosen = torch.sort(wanted, dim=1, descending=True, stable=True).indices[:, :top_k]
    weights = scores.gather(1, chosen)
    kept = torch.ones_like(chosen, dtype=torch.bool)
    if budget is not None:
        kept = torch.arange(top_k, device=logits.device) < budget[:, None]
    weights = weights * kept
    weights = weights / (weights.sum(1, keepdim=True) + _EPS) * scaling
    return chosen.masked_fill(~kept, -1).int(), weights


def choose_by_softmax(
    logits: torch.Tensor, budget: torch.Tensor | None, *, top_k: int, normalise: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """`models.routing.softmax_top_k` as `choose_experts` gives its result.

    Args:
        logits: [T, E]. budget: [T], at least 1 and at most ``top_k``; ``None``: all are kept.
    """
    weights, chosen = torch.softmax(logits.float(), dim=-1).topk(top_k, dim=-1)
    kept = _within(budget, top_k)
    if kept is not None:
        weights = weights * kept
    if normalise:
        weights = weights / weights.sum(dim=-1, keepdim=True)
    return _listed(chosen, kept), weights


def choose_beside_shared(
    logits: torch.Tensor, budget: torch.Tensor | None, *, top_k: int, shared: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The first ``shared`` experts and the best of the others, all with weight 1.

    Args:
        logits: [T, E - shared] of the others. budget: [T] with shared ones; ``None``: ``top_k``.
    """
    best = logits.argsort(dim=-1, descending=True, stable=True)[:, : top_k - shared] + shared
    always = torch.arange(shared, device=logits.device).expand(len(logits), -1)
    chosen = torch.cat([always, best], dim=1)
    kept = _within(budget, chosen.shape[1])
    weights = torch.ones_like(chosen, dtype=torch.float32)
    return _listed(chosen, kept), weights if kept is None else weights * kept


def _within(budget: torch.Tensor | None, top_k: int) -> torch.Tensor | None:
    """[T, top_k] bool: which places a row's budget has; ``None``: all."""
    if budget is None:
        return None
    return torch.arange(top_k, device=budget.device) < budget[:, None]


def _listed(chosen: torch.Tensor, kept: torch.Tensor | None) -> torch.Tensor:
    return (chosen if kept is None else chosen.masked_fill(~kept, -1)).int()


def lists_of_gates(
    gates: torch.Tensor | None, hidden: torch.Tensor, experts: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """`interface.Experts`' gates [T, E] as `choose_experts` gives its result.

    As wide as the row with the most experts: the host has to ask the device for it.
    """
    if gates is None:
        every = torch.arange(experts, dtype=torch.int32, device=hidden.device)
        chosen = every.expand(len(hidden), -1).contiguous()
        return chosen, torch.ones_like(chosen, dtype=torch.float32)
    most = max(1, int(gates.count_nonzero(dim=1).max())) if len(gates) else 1
    weights, chosen = gates.float().topk(most, dim=1)
    return chosen.masked_fill(weights == 0, -1).int(), weights
