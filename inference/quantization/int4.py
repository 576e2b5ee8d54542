"""Weights in 4 bits: the least number of each 32 inputs, and up to 15 steps above it.

The grid is Q4_1's with bfloat16 numbers, simple enough for any kernel. The CPU's C kernels fit a
grid of their own when they load weights, narrower ones too. A byte holds an even input in its low
half.
"""

import torch
from torch.nn.functional import pad

from inference.quantization.mxfp4 import join_halves, split_halves
from inference.quantization.scales import bfloat16_above, grouped, refuse_infinite, spread

GROUP = 32
LARGEST = 15


def pack(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Codes, steps and least numbers of a weight [out, in].

    Returns:
        uint8 [out, ceil(in / 2)]; steps and least numbers, each bfloat16 [out, ceil(in / 32)]. A
        number is off by half a step at most, and by what its least number was rounded by.
    Raises:
        ValueError: a number is not finite.
    """
    refuse_infinite(weight)
    wide = weight.float()
    groups, count = grouped(wide, GROUP), wide.shape[-1]
    least = groups.amin(-1).to(torch.bfloat16)
    steps = bfloat16_above(((groups.amax(-1) - least.float()) / LARGEST).clamp(min=0))
    inverse = torch.where(steps > 0, 1 / steps.float(), 0.0)
    above = wide - spread(least.float(), GROUP, count)
    codes = (above * spread(inverse, GROUP, count)).round().clamp(0, LARGEST).to(torch.uint8)
    return join_halves(pad(codes, (0, count % 2))), steps, least


def unpack(
    codes: torch.Tensor, steps: torch.Tensor, least: torch.Tensor, count: int
) -> torch.Tensor:
    """float32 [out, count] of what `pack` gives; a last byte may be half, hence ``count``."""
    numbers = split_halves(codes)[..., :count].float()
    return numbers * spread(steps.float(), GROUP, count) + spread(least.float(), GROUP, count)
