"""What decode steps at fixed shapes take of a device's memory: some exactly, some estimated."""

from collections.abc import Sequence

import torch

from inference.engine.decode_shapes import Shape
from inference.model_config import AnyConfig
from inference.model_config_deepseek_v3 import DeepseekV3Config
from inference.model_config_deepseek_v4 import DeepseekV4Config

# Allowances, not measured: no card was lent. `make check-gpu` prints what graphs took beside them.
_LAUNCHES, _LAUNCH_BYTES = 48, 16 << 10  # of a layer, and what a graph keeps of each
_SPREAD, _SEGMENTS = 2, 64 << 20  # what an allocator takes of what is alive at once, and at least
_COPIES = 8  # of a row's hidden state, queries and the like, alive at once


def steps_bytes(
    config: AnyConfig, dtype: torch.dtype, shapes: Sequence[Shape], block_size: int
) -> int:
    """All of ``shapes``. Inputs and logits are each shape's own; the rest is shared by all."""
    if not shapes:
        return 0
    own = sum(
        input_bytes(config, shape, block_size) + 4 * shape.rows * config.vocab_size
        for shape in shapes
    )
    graphs = len(shapes) * (config.num_layers + 1) * _LAUNCHES * _LAUNCH_BYTES
    workspace = max(
        shape.rows * _row_bytes(config, dtype, shape.blocks * block_size) for shape in shapes
    )
    return own + graphs + _SEGMENTS + _SPREAD * workspace


def input_bytes(config: AnyConfig, shape: Shape, block_size: int) -> int:
    """Exactly what a `StaticStep` allots."""
    positions = shape.blocks * block_size
    mask = 0 if isinstance(config, DeepseekV4Config) else shape.rows * positions
    return 8 * (shape.numbers + positions + shape.rows) + mask


def _row_bytes(config: AnyConfig, dtype: torch.dtype, positions: int) -> int:
    """What a row of a step has alive at once, about."""
    heads = config.num_heads
    if isinstance(config, DeepseekV4Config):
        wide = config.hc_mult * config.hidden_size + heads * config.head_dim
        seen = 4 * (positions // min(config.rates.values(), default=1)) + 8 * config.index_topk
    elif isinstance(config, DeepseekV3Config):
        latent = config.kv_lora_rank + config.rope_dim
        wide = config.hidden_size + heads * latent
        seen = 2 * positions * latent * dtype.itemsize
    else:
        wide = config.hidden_size + heads * config.head_dim
        seen = 2 * positions * config.num_kv_heads * config.head_dim * dtype.itemsize
    experts = 4 * config.num_experts_per_tok * (config.moe_intermediate_size + config.hidden_size)
    return 4 * _COPIES * wide + seen + experts + dtype.itemsize * config.vocab_size
