"""Rotary angles: the plain ones of sliding layers, the stretched ones of those that compress."""

import math

import torch

from inference.model_config_deepseek_v4 import DeepseekV4Config, Yarn

Angles = tuple[torch.Tensor, torch.Tensor]
"""cos and sin, each [..., rope / 2] float32."""


class Rope:
    """Angles of positions, for one base."""

    def __init__(self, width: int, theta: float, yarn: Yarn | None, device: torch.device) -> None:
        self.frequencies = frequencies(width, theta, yarn).to(device)

    def __call__(self, positions: torch.Tensor) -> Angles:
        angles = positions[..., None].float() * self.frequencies
        return angles.cos(), angles.sin()


def ropes(config: DeepseekV4Config, device: torch.device) -> tuple[Rope, Rope]:
    """Of sliding layers, and of layers that compress."""
    width = config.rope_dim
    return (
        Rope(width, config.rope_theta, None, device),
        Rope(width, config.compress_rope_theta, config.yarn, device),
    )


def frequencies(width: int, theta: float, yarn: Yarn | None) -> torch.Tensor:
    """[width / 2] float32: radians per position of each pair."""
    plain = 1.0 / theta ** (torch.arange(0, width, 2, dtype=torch.float32) / width)
    if yarn is None:
        return plain
    low = math.floor(_pair_that_turns(yarn.beta_fast, width, theta, yarn.original_context))
    high = math.ceil(_pair_that_turns(yarn.beta_slow, width, theta, yarn.original_context))
    low, high = max(low, 0), min(high, width - 1)
    steps = torch.arange(width // 2, dtype=torch.float32)
    stretched = ((steps - low) / max(high - low, 0.001)).clamp(0, 1)
    return plain / yarn.factor * stretched + plain * (1 - stretched)


def _pair_that_turns(times: float, width: int, theta: float, context: int) -> float:
    """Which pair turns so many times within the original context."""
    return width * math.log(context / (times * 2 * math.pi)) / (2 * math.log(theta))
