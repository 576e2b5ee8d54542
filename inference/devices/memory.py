"""How much of a device's memory a checkpoint takes, told from its files' headers alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch

from inference.checkpoint import Checkpoint
from inference.devices.decode_memory import steps_bytes
from inference.engine.decode_shapes import Shape
from inference.errors import DeviceTooSmall
from inference.model_config import AnyConfig, ModelConfig
from inference.model_config_deepseek_v3 import DeepseekV3Config
from inference.models.decoder import KeyValueCache
from inference.models.deepseek_v3.model import LatentCache
from inference.models.deepseek_v4.cache import DeepseekV4Cache, KvDtype
from inference.parallel.layout import Layout, part_of
from inference.parallel.memory import layer_of_expert, shares

# Of a number, with its share of what others have in common with it: packed by the CPU's C kernels,
# and as an accelerator keeps experts, the only weights that it packs.
_CPU_BITS = {"float32": 32.0, "bfloat16": 16.0, "int8": 8.5, "int4": 4.5}
_EXPERT_BITS = {"fp8": 8.001, "mxfp4": 4.25, "int8": 8.5, "int4": 5.0}
_HEADS = ("lm_head.weight", "head.weight")
_NO_MATRIX = 2  # a tensor of fewer dimensions is a norm, a bias, a scale of one
_GIB = 1 << 30
_ONE = Layout()


@dataclass(frozen=True, slots=True)
class CacheSize:
    """What an engine allots: blocks of positions, and running states with their snapshots."""

    blocks: int
    block_size: int
    states: int


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Bytes. What a step works in is in it for captured ones only: tens of MB for small models."""

    weights: int
    cache: int
    graphs: int = 0

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.graphs

    def times(self, processes: int) -> "MemoryNeed":
        """Of several processes in one memory."""
        return MemoryNeed(processes * self.weights, processes * self.cache, processes * self.graphs)

    def said(self) -> str:
        graphs = f", {size(self.graphs)} for decode steps at fixed shapes" if self.graphs else ""
        return f"{size(self.weights)} for weights and {size(self.cache)} for the cache{graphs}"

    def check(self, free: int, device: str) -> None:
        """Raises: DeviceTooSmall."""
        if self.total > free:
            raise DeviceTooSmall(
                f"The model needs {self.said()}, and {device} has {size(free)} free. Serve fewer "
                "--kv-blocks, narrower --weights, or choose a larger device."
            )


def memory_need(
    checkpoint: Checkpoint,
    config: AnyConfig,
    dtype: torch.dtype,
    weights: str,
    cache: CacheSize,
    *,
    decode_shapes: Sequence[Shape] = (),
    kv_dtype: KvDtype = "auto",
    layout: Layout = _ONE,
    redundant_experts: int = 0,
    moves_experts: bool = False,
    on_cpu: bool = True,
) -> MemoryNeed:
    """What one process needs, the one with most where several share the model.

    Args:
        weights: as `kernels.registry.Weights`; ``auto`` keeps them in ``dtype``.
        redundant_experts: copies in each layer, where processes share experts.
        moves_experts: whether they are placed anew while the model serves, a layer at a time.

    Raises:
        CheckpointInvalid: a file is not readable.
    """
    wide = dtype.itemsize * 8.0
    linear = _CPU_BITS.get(weights, wide) if on_cpu else wide
    expert = linear if on_cpu else _EXPERT_BITS.get(weights, wide)
    head = _CPU_BITS["int8"] if on_cpu and weights == "int4" else linear
    bits = 0.0
    moving: dict[str, float] = {}  # bits of a layer's experts: as they travel, and packed again
    share = shares(checkpoint.names(), layout, redundant_experts)
    for name in checkpoint.names():
        shape = checkpoint.shape(name)
        numbers = share(name) * prod(shape)
        table = name.endswith(("embed_tokens.weight", "embed.weight"))
        if table or len(shape) < _NO_MATRIX:
            bits += numbers * wide
        elif name in _HEADS:
            bits += numbers * head
        else:
            bits += numbers * (expert if ".experts." in name else linear)
        layer = layer_of_expert(name)
        if layer is not None and moves_experts and layout.expert > 1:
            moving[layer] = moving.get(layer, 0.0) + numbers * (wide + expert)
        if table and not any(own in checkpoint for own in _HEADS):
            bits += prod(shape) * head
    bits += max(moving.values(), default=0.0)
    part = part_of(config, layout)
    if decode_shapes:  # padding has a block and a state of its own
        cache = CacheSize(cache.blocks + 1, cache.block_size, cache.states + 1)
    return MemoryNeed(
        int(bits / 8),
        cache_bytes(part, dtype, cache, kv_dtype),
        steps_bytes(part, dtype, decode_shapes, cache.block_size),
    )


def cache_bytes(
    config: AnyConfig, dtype: torch.dtype, size: CacheSize, kv_dtype: KvDtype = "auto"
) -> int:
    """What the engine's own cache would allot, asked of one without memory."""
    place = (torch.device("meta"), dtype)
    if isinstance(config, ModelConfig):
        return KeyValueCache(config, size.blocks, size.block_size, *place).bytes
    if isinstance(config, DeepseekV3Config):
        return LatentCache(config, size.blocks, size.block_size, *place).bytes
    return DeepseekV4Cache(
        config, size.blocks, size.block_size, size.states, *place, kv_dtype=kv_dtype
    ).bytes


def size(count: int) -> str:
    """Bytes for a reader, in GiB."""
    return f"{count / _GIB:.2f} GiB"
