"""The dense model's layers on a calibration text, one layer at a time.

Only what a split needs to see: what goes into each feed-forward.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn import functional

from inference.convert.gguf_source import GgufSource
from inference.kernels.reference import rms_norm, rotate


@dataclass(slots=True)
class FeedForwardView:
    """One layer's feed-forward and what it saw.

    ``inputs`` is [tokens, hidden], ``activations`` [tokens, width]: each
    neuron's value before the down projection.
    """

    layer: int
    gate: torch.Tensor  # [width, hidden]
    up: torch.Tensor
    down: torch.Tensor  # [hidden, width]
    inputs: torch.Tensor
    activations: torch.Tensor


class DenseModel:
    """Streams layers out of a GGUF file, so that only one is in memory."""

    def __init__(self, source: GgufSource) -> None:
        self._source = source
        self._kept: dict[str, torch.Tensor] = {}
        self._heads = int(source.setting("attention.head_count"))
        self._kv_heads = int(source.setting("attention.head_count_kv"))
        self._eps = float(source.setting("attention.layer_norm_rms_epsilon"))
        self._theta = float(source.setting("rope.freq_base"))
        self.num_layers = int(source.setting("block_count"))

    def walk(self, ids: torch.Tensor) -> Iterator[FeedForwardView]:
        """Run ``ids`` [rows, positions] through the model, stopping at each feed-forward."""
        hidden = self.tensor("model.embed_tokens.weight")[ids]
        rotary = self._rotary(ids.shape[1], hidden.shape[-1] // self._heads)
        for layer in range(self.num_layers):
            prefix = f"model.layers.{layer}"
            hidden = hidden + self._attention(prefix, hidden, rotary)
            normed = self._norm(hidden, f"{prefix}.post_attention_layernorm.weight")
            names = (f"{prefix}.mlp.{part}_proj.weight" for part in ("gate", "up", "down"))
            gate, up, down = (self.tensor(name) for name in names)
            inputs = normed.flatten(0, 1)
            inner = functional.silu(functional.linear(inputs, gate)) * functional.linear(inputs, up)
            yield FeedForwardView(layer, gate, up, down, inputs, inner)
            hidden = hidden + functional.linear(inner, down).view_as(hidden)
            self._kept.clear()

    def tensor(self, name: str) -> torch.Tensor:
        """float32; kept until the walk leaves the layer, since the caller stores it too."""
        if name not in self._kept:
            self._kept[name] = torch.from_numpy(self._source.tensor(name).copy())
        return self._kept[name]

    def _norm(self, hidden: torch.Tensor, name: str) -> torch.Tensor:
        return rms_norm(hidden, self.tensor(name), self._eps)

    def _attention(
        self, prefix: str, hidden: torch.Tensor, rotary: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        normed = self._norm(hidden, f"{prefix}.input_layernorm.weight")
        parts = []
        for name, heads in (("q", self._heads), ("k", self._kv_heads), ("v", self._kv_heads)):
            weight = self.tensor(f"{prefix}.self_attn.{name}_proj.weight")
            part = functional.linear(normed, weight).unflatten(-1, (heads, -1))
            parts.append((rotate(part, *rotary) if name != "v" else part).transpose(1, 2))
        out = functional.scaled_dot_product_attention(*parts, is_causal=True, enable_gqa=True)
        flat = out.transpose(1, 2).flatten(2)
        return functional.linear(flat, self.tensor(f"{prefix}.self_attn.o_proj.weight"))

    def _rotary(self, positions: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        steps = torch.arange(0, width, 2, dtype=torch.float32) / width
        angles = torch.arange(positions)[:, None].float() / self._theta**steps
        cos, sin = angles.cos(), angles.sin()
        return torch.cat([cos, cos], -1)[:, None], torch.cat([-sin, sin], -1)[:, None]
