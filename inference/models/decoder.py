"""The decoder that all kinds share: attention over a paged cache, then a feed-forward.

Knows the arithmetic of one forward pass; nothing of requests or scheduling.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch

from inference.kernels.interface import Batch, Experts, FusedDecoder, KernelSet, Linear, Routing
from inference.kernels.reference import rms_norm, rotate
from inference.model_config import ModelConfig


class FeedForward(Protocol):
    """(hidden [tokens, hidden], batch) -> [tokens, hidden]"""

    experts: Experts
    routing: Routing

    def __call__(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor: ...


class KeyValueCache:
    """Keys and values of all layers, each [blocks, block_size, kv_heads, head_dim]."""

    def __init__(
        self,
        config: ModelConfig,
        num_blocks: int,
        block_size: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        shape = (num_blocks, block_size, config.num_kv_heads, config.head_dim)
        # Zeros, not garbage: padding rows of a gather are masked, but 0 * NaN is NaN.
        self.layers = [
            (
                torch.zeros(shape, device=device, dtype=dtype),
                torch.zeros(shape, device=device, dtype=dtype),
            )
            for _ in range(config.num_layers)
        ]

    @property
    def bytes(self) -> int:
        return sum(k.nbytes + v.nbytes for k, v in self.layers)

    def copy_state(self, source: int, target: int) -> None:
        """There is no running state: what a sequence needs lies in its blocks."""


@dataclass(slots=True)
class Layer:
    """Prepared weights of one layer."""

    input_norm: torch.Tensor  # [hidden]
    qkv: Linear  # [hidden] -> [(heads + 2 * kv_heads) * head_dim]
    query_norm: torch.Tensor | None  # [head_dim]
    key_norm: torch.Tensor | None
    output: Linear
    post_norm: torch.Tensor
    feed_forward: FeedForward


@dataclass(slots=True)
class Decoder:
    config: ModelConfig
    kernels: KernelSet
    embedding: torch.Tensor  # [vocab, hidden]
    layers: list[Layer]
    norm: torch.Tensor
    head: Linear
    device: torch.device
    dtype: torch.dtype
    fused: FusedDecoder | None = None

    def make_cache(self, num_blocks: int, block_size: int, num_states: int) -> Any:
        del num_states
        if self.fused is not None:
            return self.fused.make_cache(num_blocks, block_size)
        return KeyValueCache(self.config, num_blocks, block_size, self.device, self.dtype)

    @torch.inference_mode()
    def forward(self, batch: Batch, cache: Any) -> torch.Tensor:
        """Logits of the rows that sample: [sampled sequences, vocab] float32."""
        if self.fused is not None and batch.mass is None:
            return self.fused.logits(batch, cache)
        hidden = self.hidden_states(batch, cache)
        return self.head(hidden[batch.sample_rows]).float()

    def hidden_states(self, batch: Batch, cache: Any) -> torch.Tensor:
        """[tokens, hidden] after the last norm; writes the rows' keys and values to ``cache``."""
        if self.fused is not None and batch.mass is None:
            return self.fused.states(batch, cache)
        eps = self.config.rms_norm_eps
        hidden = self.embedding[batch.token_ids]
        rotary = self._rotary(batch.positions)
        for layer, pages in zip(self.layers, cache.layers, strict=True):
            normed = rms_norm(hidden, layer.input_norm, eps)
            hidden = hidden + self._attention(layer, normed, rotary, pages, batch)
            normed = rms_norm(hidden, layer.post_norm, eps)
            hidden = hidden + layer.feed_forward(normed, batch)
        return rms_norm(hidden, self.norm, eps)

    def _rotary(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """cos and signed sin, each [tokens, 1, head_dim]."""
        width = self.config.head_dim
        steps = torch.arange(0, width, 2, dtype=torch.float32, device=self.device) / width
        angles = positions[:, None].float() / self.config.rope_theta**steps
        cos, sin = angles.cos(), angles.sin()
        return (
            torch.cat([cos, cos], -1)[:, None].to(self.dtype),
            torch.cat([-sin, sin], -1)[:, None].to(self.dtype),
        )

    def _attention(
        self,
        layer: Layer,
        hidden: torch.Tensor,
        rotary: tuple[torch.Tensor, torch.Tensor],
        pages: tuple[torch.Tensor, torch.Tensor],
        batch: Batch,
    ) -> torch.Tensor:
        heads, kv_heads = self.config.num_heads, self.config.num_kv_heads
        joint = layer.qkv(hidden).view(len(hidden), heads + 2 * kv_heads, self.config.head_dim)
        query_key, value = joint[:, : heads + kv_heads], joint[:, heads + kv_heads :]
        if layer.query_norm is not None and layer.key_norm is not None:
            eps = self.config.rms_norm_eps
            query = rms_norm(query_key[:, :heads], layer.query_norm, eps)
            key = rms_norm(query_key[:, heads:], layer.key_norm, eps)
            query_key = torch.cat([query, key], 1)
        query_key = rotate(query_key, *rotary)
        keys, values = pages
        if self.fused is None:
            keys.flatten(0, 1).index_copy_(0, batch.slots, query_key[:, heads:])
            values.flatten(0, 1).index_copy_(0, batch.slots, value)
        else:  # views of the cache of steps in C, which cannot be flattened
            at = batch.slots // keys.shape[1], batch.slots % keys.shape[1]
            keys[at], values[at] = query_key[:, heads:], value
        return layer.output(self.kernels.attention(query_key[:, :heads], pages, batch))
