"""Whose work a step was: engine nanoseconds divided among the sequences in it.

The parts of a step add up to the step, to the nanosecond, so the worker
seconds billed over all requests equal the seconds that the engine was busy.
"""

from collections.abc import Sequence as SequenceOf
from decimal import Decimal
from typing import Protocol

from inference.model_config import AnyConfig, ModelConfig
from inference.model_config_deepseek_v3 import DeepseekV3Config
from inference.model_config_deepseek_v4 import DeepseekV4Config
from inference.models.deepseek_v3.work import DeepseekV3Work
from inference.models.deepseek_v4.work import DeepseekV4Work


class Work(Protocol):
    """Weighs a chunk by the multiply-adds that it needs."""

    def weight(self, start: int, end: int, num_experts: int, samples: bool) -> int:
        """Multiply-adds for positions ``start`` to ``end`` with that many active experts."""
        ...


def work_model(config: AnyConfig) -> Work:
    if isinstance(config, DeepseekV4Config):
        return DeepseekV4Work(config)
    return DeepseekV3Work(config) if isinstance(config, DeepseekV3Config) else WorkModel(config)


class WorkModel:
    """Weighs a chunk by the multiply-adds that it needs."""

    def __init__(self, config: ModelConfig) -> None:
        hidden, width = config.hidden_size, config.head_dim
        query, key = config.num_heads * width, config.num_kv_heads * width
        attention = hidden * (2 * query + 2 * key)
        dense_layers = len(config.dense_layers)
        self._sparse_layers = config.num_layers - dense_layers
        self._fixed = config.num_layers * attention + dense_layers * (
            3 * hidden * config.intermediate_size
        )
        self._expert = 3 * hidden * config.moe_intermediate_size
        self._head = hidden * config.vocab_size
        self._per_position = config.num_layers * 2 * query

    def weight(self, start: int, end: int, num_experts: int, samples: bool) -> int:
        """Multiply-adds for positions ``start`` to ``end`` with that many active experts."""
        tokens = end - start
        per_token = self._fixed + self._sparse_layers * num_experts * self._expert
        seen = (start + 1 + end) * tokens // 2  # positions attended to, summed
        return tokens * per_token + seen * self._per_position + (self._head if samples else 0)


def divide(total: int, weights: SequenceOf[int]) -> list[int]:
    """Split ``total`` in proportion to ``weights`` into integers that add up to it.

    >>> divide(10, [1, 1, 1])
    [4, 3, 3]
    """
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    for index in range(total - sum(parts)):
        parts[index] += 1
    return parts


def seconds(nanoseconds: int) -> str:
    """Decimal text, e.g. ``"0.012345678"``."""
    return str(Decimal(nanoseconds).scaleb(-9))
