"""DeepSeek-V3: multi-head latent attention (MLA) and grouped routing (arXiv:2412.19437).

A position is remembered as one latent and one rotated key for all heads. Queries are turned into
the latents' space instead of unfolding every latent for every head, so the cache is read once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from inference.kernels.interface import Batch, KernelSet, Linear
from inference.kernels.reference import rms_norm
from inference.kernels.reference.deepseek_v4 import rotate_pairs
from inference.model_config_deepseek_v3 import DeepseekV3Config
from inference.models.deepseek_v4.rope import Angles, Rope

FeedForward = Callable[[torch.Tensor, Batch], torch.Tensor]
"""(hidden [tokens, hidden], batch) -> [tokens, hidden]"""


class LatentCache:
    """Of all layers, [blocks, block_size, 1, latent + rope]: keys, and the values within them."""

    def __init__(
        self,
        config: DeepseekV3Config,
        num_blocks: int,
        block_size: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        width = config.kv_lora_rank + config.rope_dim
        shape = (config.num_layers, num_blocks, block_size, 1, width)
        self.entries = torch.zeros(shape, device=device, dtype=dtype)
        self.layers = [(keys, keys[..., : config.kv_lora_rank]) for keys in self.entries]

    @property
    def bytes(self) -> int:
        return self.entries.nbytes

    def copy_state(self, source: int, target: int) -> None:
        """There is no running state: what a sequence needs lies in its blocks."""


@dataclass(slots=True)
class Layer:
    """Prepared weights of one layer."""

    input_norm: torch.Tensor
    query_down: Linear | None  # None: queries come from the hidden state directly
    query_norm: torch.Tensor | None
    query_up: Linear
    latent: Linear  # [hidden] -> [latent + rope]
    latent_norm: torch.Tensor
    keys: torch.Tensor  # [heads, nope, latent]
    values: torch.Tensor  # [heads, latent, value]
    output: Linear
    post_norm: torch.Tensor
    feed_forward: FeedForward


@dataclass(slots=True)
class DeepseekV3:
    """See `inference.models.interface.Model`."""

    config: DeepseekV3Config
    kernels: KernelSet
    embedding: torch.Tensor
    layers: list[Layer]
    norm: torch.Tensor
    head: Linear
    rope: Rope
    device: torch.device
    dtype: torch.dtype

    def make_cache(self, num_blocks: int, block_size: int, num_states: int) -> LatentCache:
        del num_states
        return LatentCache(self.config, num_blocks, block_size, self.device, self.dtype)

    @torch.inference_mode()
    def forward(self, batch: Batch, cache: LatentCache) -> torch.Tensor:
        """Logits of the rows that sample: [rows, vocab] float32."""
        return self.head(self.hidden_states(batch, cache)[batch.sample_rows]).float()

    def hidden_states(self, batch: Batch, cache: LatentCache) -> torch.Tensor:
        """[tokens, hidden] after the last norm; writes the rows' latents to ``cache``."""
        eps = self.config.rms_norm_eps
        hidden = self.embedding[batch.token_ids]
        cos, sin = self.rope(batch.positions)
        angles = cos * self.config.rope_scale, sin * self.config.rope_scale
        for layer, pages in zip(self.layers, cache.layers, strict=True):
            normed = rms_norm(hidden, layer.input_norm, eps)
            hidden = hidden + self._attention(layer, normed, angles, pages, batch)
            normed = rms_norm(hidden, layer.post_norm, eps)
            hidden = hidden + layer.feed_forward(normed, batch)
        return rms_norm(hidden, self.norm, eps)

    def _attention(
        self,
        layer: Layer,
        hidden: torch.Tensor,
        angles: Angles,
        pages: tuple[torch.Tensor, torch.Tensor],
        batch: Batch,
    ) -> torch.Tensor:
        config = self.config
        low = hidden
        if layer.query_down is not None and layer.query_norm is not None:
            low = rms_norm(layer.query_down(hidden), layer.query_norm, config.rms_norm_eps)
        queries = layer.query_up(low).unflatten(-1, (config.num_heads, -1))
        queries = rotate_pairs(queries, *(part[:, None] for part in angles))
        plain, turned = queries.split([config.nope_dim, config.rope_dim], dim=-1)
        inward = torch.matmul(plain.transpose(0, 1), layer.keys).transpose(0, 1)
        joint = layer.latent(hidden)
        latent, key = joint.split([config.kv_lora_rank, config.rope_dim], dim=-1)
        latent = rms_norm(latent, layer.latent_norm, config.rms_norm_eps)
        entry = torch.cat([latent, rotate_pairs(key, *angles)], dim=-1)
        pages[0].flatten(0, 1).index_copy_(0, batch.slots, entry[:, None])
        query = torch.cat([inward, turned], dim=-1)
        # The operator divides by the root of the width that it sees.
        query = query * (config.attention_scale * query.shape[-1] ** 0.5)
        seen = self.kernels.attention(query, pages, batch).unflatten(-1, (config.num_heads, -1))
        out = torch.matmul(seen.transpose(0, 1), layer.values).transpose(0, 1)
        return layer.output(out.flatten(1))
