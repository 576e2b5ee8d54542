"""DeepSeek-V4's draft module by kernels of a backend where `models.deepseek_v4` has plain torch."""

from collections.abc import Callable
from typing import Any

import torch

from inference.kernels.interface import Batch


class FusedDraft:
    """Args:
    plain: a `models.deepseek_v4.mtp.DraftModule`.
    layer, head: a backend's for those that it has.
    norm: a backend's `norm_rows`.
    """

    def __init__(
        self, plain: Any, layer: Any, head: Any, norm: Callable[..., torch.Tensor]
    ) -> None:
        self._plain, self._head, self._norm = plain, head, norm
        self.layer = layer

    def run(
        self, streams: torch.Tensor, tokens: torch.Tensor, batch: Batch, memory: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See `DraftModule.run`."""
        plain, eps = self._plain, self._plain.config.rms_norm_eps
        tokens = self._norm(tokens, plain.token_norm, eps=eps, positions=batch.positions)
        flat = self._norm(streams.flatten(0, 1), plain.stream_norm, eps=eps)
        mixed = plain.stream(flat).view_as(streams) + plain.token(tokens)[:, None]
        angles = plain.rope(batch.positions)
        after = self.layer.run(plain.config, mixed, angles, batch, memory)
        return self._head.leave(plain.config, after, plain.norm), after
