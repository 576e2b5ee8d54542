"""DeepSeek-V4's layers with this package's kernels where `models.deepseek_v4` has plain torch."""

from typing import Any

import torch

from inference.kernels.ascend.deepseek_v4_attention import AscendAttention
from inference.kernels.ascend.hyper_connections_head import hyper_connections_head
from inference.kernels.ascend.hyper_connections_parts import split_function
from inference.kernels.ascend.hyper_connections_post import hyper_connections_post
from inference.kernels.ascend.hyper_connections_pre import hyper_connections_pre
from inference.kernels.ascend.rms_norm import rms_norm
from inference.kernels.ascend.router import router_logits
from inference.kernels.ascend.router_choice import choose_experts
from inference.kernels.interface import Batch
from inference.kernels.triton_common.draft import FusedDraft
from inference.kernels.triton_common.feed_forward import RoutedFeedForward
from inference.kernels.triton_common.step_rows import Steps


class AscendFeedForward(RoutedFeedForward):
    """Args: plain: a `DeepseekV4FeedForward` whose experts are `AscendExperts`."""

    def __init__(self, config: Any, plain: Any) -> None:
        super().__init__(config, plain)
        self._router = plain.router.T.contiguous()

    def routed(
        self,
        hidden: torch.Tensor,
        shared: torch.Tensor,
        tokens: torch.Tensor | None,
        budget: torch.Tensor | None,
        top_k: int,
    ) -> torch.Tensor:
        hidden = hidden.contiguous()
        chosen, weights = choose_experts(
            router_logits(hidden, self._router),
            self._plain.bias,
            self._table,
            tokens,
            budget,
            top_k=top_k,
            scaling=self._config.routed_scaling_factor,
        )
        return self._plain.experts.run(hidden, chosen, weights, shared, whole=budget is None)


class AscendLayer:
    """Stands in for a `models.deepseek_v4.layer.Layer`, ``plain``; ``first``: of the model's."""

    def __init__(self, config: Any, plain: Any, steps: Steps, *, first: bool) -> None:
        self._plain = plain
        self.attention = AscendAttention(plain.attention, steps, first=first)
        self.feed_forward = AscendFeedForward(config, plain.feed_forward)
        self._attention_parts = split_function(plain.attention_mixing.function)
        self._feed_forward_parts = split_function(plain.feed_forward_mixing.function)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)  # its weights, for whoever reads them

    def run(
        self, config: Any, streams: torch.Tensor, angles: Any, batch: Batch, memory: Any
    ) -> torch.Tensor:
        """The streams [T, n, D] after both blocks."""
        plain, streams = self._plain, streams.contiguous()
        hidden, post, mixing = _enter(
            config, streams, plain.attention_mixing, self._attention_parts, plain.attention_norm
        )
        output = self.attention(hidden, angles, batch, memory).contiguous()
        streams = hyper_connections_post(streams, output, post, mixing)
        hidden, post, mixing = _enter(
            config,
            streams,
            plain.feed_forward_mixing,
            self._feed_forward_parts,
            plain.feed_forward_norm,
        )
        return hyper_connections_post(streams, self.feed_forward(hidden, batch), post, mixing)


class AscendHead:
    """Args: plain: the `models.deepseek_v4.layer.Mixing` after the last layer."""

    def __init__(self, plain: Any) -> None:
        self._plain, self._parts = plain, split_function(plain.function)

    def leave(self, config: Any, streams: torch.Tensor, norm: torch.Tensor) -> torch.Tensor:
        """See `Mixing.leave`."""
        plain = self._plain
        return hyper_connections_head(
            streams.contiguous(),
            self._parts if streams.dtype == torch.bfloat16 else plain.function,
            plain.scale,
            plain.base,
            norm,
            hc_eps=config.hc_eps,
            norm_eps=config.rms_norm_eps,
        )


class AscendDraft(FusedDraft):
    """See `FusedDraft`."""

    def __init__(self, plain: Any) -> None:
        layer = AscendLayer(plain.config, plain.layer, Steps(), first=True)
        super().__init__(plain, layer, AscendHead(plain.mixing), rms_norm)


def _enter(
    config: Any, streams: torch.Tensor, weights: Any, parts: torch.Tensor, norm: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return hyper_connections_pre(
        streams,
        parts if streams.dtype == torch.bfloat16 else weights.function,
        weights.scale,
        weights.base,
        norm,
        iterations=config.hc_iterations,
        hc_eps=config.hc_eps,
        norm_eps=config.rms_norm_eps,
    )
