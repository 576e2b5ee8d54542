"""Norm, rotary embedding and the reference kernel set."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from inference.kernels.interface import Batch, Experts, ExpertWeights, Linear
from inference.kernels.reference.attention import paged_attention
from inference.kernels.reference.moe import ReferenceExperts


def rms_norm(hidden: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    """Root mean square norm over the last dimension, computed in float32."""
    wide = hidden.float()
    scaled = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    return weight * scaled.to(hidden.dtype)


def rotate(heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary position embedding, halves layout (Hugging Face).

    Args:
        heads: [tokens, heads, width].
        cos, sin: [tokens, 1, width]; the first half of ``sin`` is negated.
    """
    return torch.addcmul(heads * cos, heads.roll(heads.shape[-1] // 2, -1), sin)


class ReferenceKernels:
    """Every operator in plain torch; runs on any device and dtype that torch knows."""

    choices: Sequence[str] = (
        "All operators: plain torch (kernels.reference), which runs on every device.",
    )

    def linear(self, weight: torch.Tensor) -> Linear:
        return lambda hidden: functional.linear(hidden, weight)

    def head(self, weight: torch.Tensor) -> Linear:
        return self.linear(weight)

    def experts(self, weights: ExpertWeights, usual_share: float) -> Experts:
        return ReferenceExperts(weights)

    def attention(
        self, query: torch.Tensor, cache: tuple[torch.Tensor, torch.Tensor], batch: Batch
    ) -> torch.Tensor:
        return paged_attention(query, cache, batch)

    def fuse(self, decoder: Any) -> None:
        """Nothing: the decoder runs operator by operator."""
