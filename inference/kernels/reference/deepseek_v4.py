"""DeepSeek-V4's operators in plain torch: what every faster kernel is tested against.

Source of the equations: the DeepSeek-V4 report and transformers 5.23.0, with which the tests
compare (tests/inference/deepseek_v4). Shapes: T tokens, n streams, D hidden, H heads, d width.
"""

import torch
from torch.nn import functional

_ROUTING_EPS = 1e-20


def wide_rms_norm(hidden: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    """Root mean square norm in float32, weight included, cast once at the end."""
    return (weight.float() * _normed(hidden.float(), eps)).to(hidden.dtype)


def bare_rms_norm(hidden: torch.Tensor, eps: float) -> torch.Tensor:
    """The norm without a weight."""
    wide = hidden.float()
    return hidden * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps).to(hidden.dtype)


def rotate_pairs(
    heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, *, inverse: bool = False
) -> torch.Tensor:
    """Rotary embedding of neighbouring pairs in the last channels of each head.

    Args:
        heads: [..., d]; the last ``2 * cos.shape[-1]`` channels turn.
        cos, sin: float32, broadcastable to [..., rope / 2].
        inverse: turn back.
    """
    width = 2 * cos.shape[-1]
    turning = heads[..., -width:].float()
    even, odd = turning[..., 0::2], turning[..., 1::2]
    sin = -sin if inverse else sin
    turned = torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1).flatten(-2)
    return torch.cat([heads[..., :-width], turned.to(heads.dtype)], dim=-1)


def mix_in(
    streams: torch.Tensor,
    function: torch.Tensor,
    scale: torch.Tensor,
    base: torch.Tensor,
    *,
    iterations: int,
    hc_eps: float,
    norm_eps: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """mHC before a block (arXiv:2512.24880).

    Args:
        streams: [T, n, D]. function: [(2 + n) n, n D] float32. scale: [3]. base: [(2 + n) n].
    Returns:
        The block's input [T, D]; ``post`` [T, n] and ``mixing`` [T, n, n], float32, for `mix_out`.
    """
    count = streams.shape[1]
    flat = _normed(streams.flatten(1).float(), norm_eps)
    pre, post, mixing = functional.linear(flat, function).split([count, count, count**2], dim=-1)
    pre_base, post_base, mixing_base = base.split([count, count, count**2])
    pre = torch.sigmoid(pre * scale[0] + pre_base) + hc_eps
    post = 2 * torch.sigmoid(post * scale[1] + post_base)
    square = (mixing * scale[2] + mixing_base).view(-1, count, count)
    mixing = torch.softmax(square, dim=-1) + hc_eps
    mixing = mixing / (mixing.sum(-2, keepdim=True) + hc_eps)
    for _ in range(iterations - 1):  # Sinkhorn-Knopp: rows and columns add up to one
        mixing = mixing / (mixing.sum(-1, keepdim=True) + hc_eps)
        mixing = mixing / (mixing.sum(-2, keepdim=True) + hc_eps)
    collapsed = (pre[..., None] * streams).sum(1).to(streams.dtype)
    return collapsed, post, mixing


def mix_out(
    streams: torch.Tensor, output: torch.Tensor, post: torch.Tensor, mixing: torch.Tensor
) -> torch.Tensor:
    """mHC after a block: [T, n, D] from the streams before it and its output [T, D]."""
    dtype = streams.dtype
    mixed = torch.matmul(mixing.to(dtype).transpose(-1, -2), streams)
    return post.to(dtype)[..., None] * output[:, None] + mixed


def mix_head(
    streams: torch.Tensor,
    function: torch.Tensor,
    scale: torch.Tensor,
    base: torch.Tensor,
    *,
    hc_eps: float,
    norm_eps: float,
) -> torch.Tensor:
    """The streams as one, after the last layer: [T, D]."""
    flat = _normed(streams.flatten(1).float(), norm_eps)
    pre = torch.sigmoid(functional.linear(flat, function) * scale + base) + hc_eps
    return (pre[..., None] * streams).sum(1).to(streams.dtype)


def pool_windows(values: torch.Tensor, gates: torch.Tensor) -> torch.Tensor:
    """One entry of each window: [windows, slots, d] -> [windows, d], a softmax per channel."""
    weights = gates.softmax(dim=1, dtype=torch.float32).to(values.dtype)
    return (values * weights).sum(1)


def index_scores(queries: torch.Tensor, keys: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """How much each query wants each entry.

    Args:
        queries: [T, index heads, di]. keys: [W, di] or [T, W, di].
        weights: [T, index heads], scaled.
    Returns:
        [T, W] float32.
    """
    keys = keys if keys.dim() == 3 else keys[None]
    products = torch.matmul(queries.float(), keys.float().transpose(-1, -2))
    products = functional.relu(products) * queries.shape[-1] ** -0.5
    return (products * weights.float()[..., None]).sum(1)


def attend_with_sink(
    queries: torch.Tensor, keys: torch.Tensor, visible: torch.Tensor, sinks: torch.Tensor
) -> torch.Tensor:
    """Attention over shared keys that are the values too.

    Args:
        queries: [T, H, d]. keys: [L, d], or [T, L, d] where each query has its own.
        visible: [T, L] bool. sinks: [H] float32: a logit that takes weight and gives nothing.
    Returns:
        [T, H, d].
    """
    keys = keys if keys.dim() == 3 else keys[None]
    logits = torch.matmul(queries, keys.transpose(-1, -2)).float() * queries.shape[-1] ** -0.5
    logits = logits.masked_fill(~visible[:, None], float("-inf"))
    sink = sinks.float()[None, :, None].expand(len(queries), -1, -1)
    weights = torch.softmax(torch.cat([logits, sink], dim=-1), dim=-1)[..., :-1]
    return torch.matmul(weights.to(keys.dtype), keys)


def route(
    scores: torch.Tensor,
    chosen: torch.Tensor,
    kept: torch.Tensor | None,
    scaling: float,
    *,
    normalise: bool = True,
) -> torch.Tensor:
    """Gates [T, experts] from scores [T, experts] float32 of the experts ``chosen`` [T, k].

    Args:
        kept: [T, k] bool: which of the chosen count; ``None``: all.
    """
    weights = route_weights(scores, chosen, kept, scaling, normalise=normalise)
    return torch.zeros_like(scores).scatter_(1, chosen, weights)


def route_weights(
    scores: torch.Tensor,
    chosen: torch.Tensor,
    kept: torch.Tensor | None,
    scaling: float,
    *,
    normalise: bool = True,
) -> torch.Tensor:
    """`route`'s gates of the chosen experts alone: [T, k]."""
    weights = scores.gather(1, chosen)
    if kept is not None:
        weights = weights * kept
    if normalise:
        weights = weights / (weights.sum(-1, keepdim=True) + _ROUTING_EPS)
    return weights * scaling


def sqrt_softplus(logits: torch.Tensor) -> torch.Tensor:
    """The router's score; the form that neither overflows nor loses small values."""
    return (logits.clamp(min=0) + torch.log1p(torch.exp(-logits.abs()))).sqrt()


def _normed(wide: torch.Tensor, eps: float) -> torch.Tensor:
    return wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
