"""DeepSeek-V4: streams that blocks read from and write to (mHC), compressed attention, experts."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from inference.kernels.interface import Batch, Linear
from inference.kernels.reference.deepseek_v4 import mix_head, mix_in, mix_out, wide_rms_norm
from inference.model_config_deepseek_v4 import DeepseekV4Config
from inference.models.deepseek_v4.attention import Attention
from inference.models.deepseek_v4.cache import DeepseekV4Cache
from inference.models.deepseek_v4.feed_forward import DeepseekV4FeedForward
from inference.models.deepseek_v4.rope import Rope


@dataclass(slots=True)
class Mixing:
    """mHC's weights of one block, float32."""

    function: torch.Tensor
    scale: torch.Tensor
    base: torch.Tensor


@dataclass(slots=True)
class Layer:
    attention_mixing: Mixing
    attention_norm: torch.Tensor
    attention: Attention
    feed_forward_mixing: Mixing
    feed_forward_norm: torch.Tensor
    feed_forward: DeepseekV4FeedForward


@dataclass(slots=True)
class DeepseekV4:
    """Prepared weights, and one forward pass."""

    config: DeepseekV4Config
    embedding: torch.Tensor  # [vocab, D]
    layers: list[Layer]
    mixing: Mixing
    norm: torch.Tensor
    head: Linear
    ropes: tuple[Rope, Rope]  # of sliding layers, of the others
    device: torch.device
    dtype: torch.dtype

    has_states: ClassVar[bool] = True

    def make_cache(self, num_blocks: int, block_size: int, num_states: int) -> DeepseekV4Cache:
        return DeepseekV4Cache(
            self.config, num_blocks, block_size, num_states, self.device, self.dtype
        )

    @torch.inference_mode()
    def forward(self, batch: Batch, cache: DeepseekV4Cache) -> torch.Tensor:
        """Logits of the rows that sample: [sampled sequences, vocab] float32."""
        return self.head(self.hidden_states(batch, cache)[batch.sample_rows]).float()

    def hidden_states(self, batch: Batch, cache: DeepseekV4Cache) -> torch.Tensor:
        """[T, D] after the last norm; the rows' keys, entries and state go into ``cache``."""
        config, mixing = self.config, self.mixing
        angles = [rope(batch.positions) for rope in self.ropes]
        streams = self.embedding[batch.token_ids][:, None].repeat(1, config.hc_mult, 1)
        for layer, kind, memory in zip(self.layers, config.layers, cache.layers, strict=True):
            hidden, post, mix = self._mix_in(streams, layer.attention_mixing)
            hidden = wide_rms_norm(hidden, layer.attention_norm, config.rms_norm_eps)
            output = layer.attention(hidden, angles[kind != "sliding"], batch, memory)
            streams = mix_out(streams, output, post, mix)
            hidden, post, mix = self._mix_in(streams, layer.feed_forward_mixing)
            hidden = wide_rms_norm(hidden, layer.feed_forward_norm, config.rms_norm_eps)
            streams = mix_out(streams, layer.feed_forward(hidden, batch), post, mix)
        hidden = mix_head(
            streams,
            mixing.function,
            mixing.scale,
            mixing.base,
            hc_eps=config.hc_eps,
            norm_eps=config.rms_norm_eps,
        )
        return wide_rms_norm(hidden, self.norm, config.rms_norm_eps)

    def _mix_in(
        self, streams: torch.Tensor, mixing: Mixing
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        config = self.config
        return mix_in(
            streams,
            mixing.function,
            mixing.scale,
            mixing.base,
            iterations=config.hc_iterations,
            hc_eps=config.hc_eps,
            norm_eps=config.rms_norm_eps,
        )
