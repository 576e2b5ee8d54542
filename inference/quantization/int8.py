"""Weights in 8 bits: whole steps of one bfloat16 scale per 32 inputs.

The grid is that of the CPU's C kernels (``kernels/cpu/native/pack.h``): their codes of a weight are
the ones here.
"""

import torch

from inference.quantization.scales import bfloat16_above, grouped, refuse_infinite, spread

GROUP = 32
LARGEST = 127


def pack(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes and scales of a weight [out, in].

    Returns:
        int8 [out, in] and bfloat16 [out, ceil(in / 32)]. A number is off by half a scale at most.
    Raises:
        ValueError: a number is not finite.
    """
    refuse_infinite(weight)
    wide = weight.float()
    scales = bfloat16_above(grouped(wide.abs(), GROUP).amax(-1) / LARGEST)
    inverse = torch.where(scales > 0, 1 / scales.float(), 0.0)
    codes = (wide * spread(inverse, GROUP, wide.shape[-1])).round()
    return codes.clamp(-LARGEST, LARGEST).to(torch.int8), scales


def unpack(codes: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """float32 [out, in] of what `pack` gives."""
    return codes.float() * spread(scales.float(), GROUP, codes.shape[-1])
