"""DeepSeek-V4's layers with this package's kernels where `models.deepseek_v4` has plain torch.

A `CudaLayer` stands in for a `models.deepseek_v4.layer.Layer`: mHC before and after each block with
the norms, attention, the router, and the experts. It reads the layer that the model has prepared.
"""

from typing import Any

import torch

from inference.kernels.cuda.deepseek_v4_attention import CudaAttention
from inference.kernels.cuda.hyper_connections_head import hyper_connections_head
from inference.kernels.cuda.hyper_connections_post import hyper_connections_post
from inference.kernels.cuda.hyper_connections_pre import hyper_connections_pre
from inference.kernels.cuda.rms_norm import rms_norm
from inference.kernels.cuda.router import router_slices
from inference.kernels.cuda.router_choice import choose_experts_of_slices
from inference.kernels.interface import Batch
from inference.kernels.reference.packed_experts import ExpertFormat
from inference.kernels.triton_common.draft import FusedDraft
from inference.kernels.triton_common.feed_forward import RoutedFeedForward
from inference.kernels.triton_common.step_rows import Steps


class CudaFeedForward(RoutedFeedForward):
    """Args: plain: a `DeepseekV4FeedForward` whose experts are `CudaExperts`."""

    def routed(
        self,
        hidden: torch.Tensor,
        shared: torch.Tensor,
        tokens: torch.Tensor | None,
        budget: torch.Tensor | None,
        top_k: int,
    ) -> torch.Tensor:
        plain = self._plain
        chosen, weights = choose_experts_of_slices(
            router_slices(hidden, plain.router),
            plain.bias,
            self._table,
            tokens,
            budget,
            top_k=top_k,
            scaling=self._config.routed_scaling_factor,
        )
        return plain.experts.run(hidden, chosen, weights, shared)


class CudaLayer:
    """Args: plain: a `models.deepseek_v4.layer.Layer`; form: of weights; first: of the model's."""

    def __init__(
        self, config: Any, plain: Any, form: ExpertFormat, steps: Steps, *, first: bool
    ) -> None:
        self._plain = plain
        self.attention = CudaAttention(plain.attention, form, steps, first=first)
        self.feed_forward = CudaFeedForward(config, plain.feed_forward)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)  # its weights and attention, for whoever reads them

    def run(
        self, config: Any, streams: torch.Tensor, angles: Any, batch: Batch, memory: Any
    ) -> torch.Tensor:
        """The streams [T, n, D] after both blocks."""
        plain, streams = self._plain, streams.contiguous()
        hidden, post, mixing = _enter(config, streams, plain.attention_mixing, plain.attention_norm)
        output = self.attention(hidden, angles, batch, memory).contiguous()
        streams = hyper_connections_post(streams, output, post, mixing)
        hidden, post, mixing = _enter(
            config, streams, plain.feed_forward_mixing, plain.feed_forward_norm
        )
        return hyper_connections_post(streams, self.feed_forward(hidden, batch), post, mixing)


class CudaHead:
    """Args: plain: the `models.deepseek_v4.layer.Mixing` after the last layer."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def leave(self, config: Any, streams: torch.Tensor, norm: torch.Tensor) -> torch.Tensor:
        """See `Mixing.leave`."""
        plain = self._plain
        return hyper_connections_head(
            streams.contiguous(),
            plain.function,
            plain.scale,
            plain.base,
            norm,
            hc_eps=config.hc_eps,
            norm_eps=config.rms_norm_eps,
        )


class CudaDraft(FusedDraft):
    """Args: plain: a `models.deepseek_v4.mtp.DraftModule`; form: what weights are kept as."""

    def __init__(self, plain: Any, form: ExpertFormat) -> None:
        layer = CudaLayer(plain.config, plain.layer, form, Steps(), first=True)
        super().__init__(plain, layer, CudaHead(plain.mixing), rms_norm)


def _enter(
    config: Any, streams: torch.Tensor, weights: Any, norm: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return hyper_connections_pre(
        streams,
        weights.function,
        weights.scale,
        weights.base,
        norm,
        iterations=config.hc_iterations,
        hc_eps=config.hc_eps,
        norm_eps=config.rms_norm_eps,
    )
