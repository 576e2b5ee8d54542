"""One layer: two blocks, attention and experts, each read from and written to the streams."""

from dataclasses import dataclass

import torch

from inference.kernels.interface import Batch
from inference.kernels.reference.deepseek_v4 import mix_head, mix_in, mix_out, wide_rms_norm
from inference.model_config_deepseek_v4 import DeepseekV4Config
from inference.models.deepseek_v4.attention import Attention
from inference.models.deepseek_v4.cache import LayerMemory
from inference.models.deepseek_v4.feed_forward import DeepseekV4FeedForward
from inference.models.deepseek_v4.rope import Angles


@dataclass(slots=True)
class Mixing:
    """mHC's weights of one block or of the head, float32."""

    function: torch.Tensor
    scale: torch.Tensor
    base: torch.Tensor

    def enter(
        self, config: DeepseekV4Config, streams: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """See `mix_in`."""
        return mix_in(
            streams,
            self.function,
            self.scale,
            self.base,
            iterations=config.hc_iterations,
            hc_eps=config.hc_eps,
            norm_eps=config.rms_norm_eps,
        )

    def leave(
        self, config: DeepseekV4Config, streams: torch.Tensor, norm: torch.Tensor
    ) -> torch.Tensor:
        """See `mix_head`; normed as the output head wants it."""
        hidden = mix_head(
            streams,
            self.function,
            self.scale,
            self.base,
            hc_eps=config.hc_eps,
            norm_eps=config.rms_norm_eps,
        )
        return wide_rms_norm(hidden, norm, config.rms_norm_eps)


@dataclass(slots=True)
class Layer:
    attention_mixing: Mixing
    attention_norm: torch.Tensor
    attention: Attention
    feed_forward_mixing: Mixing
    feed_forward_norm: torch.Tensor
    feed_forward: DeepseekV4FeedForward

    def run(
        self,
        config: DeepseekV4Config,
        streams: torch.Tensor,
        angles: Angles,
        batch: Batch,
        memory: LayerMemory,
    ) -> torch.Tensor:
        """The streams [T, n, D] after both blocks."""
        hidden, post, mixing = self.attention_mixing.enter(config, streams)
        hidden = wide_rms_norm(hidden, self.attention_norm, config.rms_norm_eps)
        output = self.attention(hidden, angles, batch, memory)
        streams = mix_out(streams, output, post, mixing)
        hidden, post, mixing = self.feed_forward_mixing.enter(config, streams)
        hidden = wide_rms_norm(hidden, self.feed_forward_norm, config.rms_norm_eps)
        return mix_out(streams, self.feed_forward(hidden, batch), post, mixing)
