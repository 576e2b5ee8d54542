"""Weights in FP8 (E4M3, finite) with one scale per block, as DeepSeek publishes them.

A scale is a power of two in a byte (``ue8m0``, DeepSeek-V3.1 and V4) or a float32 (DeepSeek-V3,
V4's base models). The last blocks of a row or column may be smaller.
"""

from typing import Literal

import torch
from torch.nn.functional import pad

from inference.quantization.scales import power_above, power_value, refuse_infinite

LARGEST = 448.0
BLOCK = (128, 128)
ScaleFormat = Literal["ue8m0", "float32"]


def pack(
    weight: torch.Tensor, block: tuple[int, int] = BLOCK, scale_format: ScaleFormat = "ue8m0"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes and scales of a weight [out, in].

    Returns:
        float8_e4m3fn [out, in], and [ceil(out / block), ceil(in / block)]: float8_e8m0fnu or
        float32. A number is off by half a step of its code at most.
    Raises:
        ValueError: a number is not finite.
    """
    refuse_infinite(weight)
    wide = weight.float()
    most = _most_of_blocks(wide, block)
    if scale_format == "ue8m0":
        scales = power_above(most, LARGEST).view(torch.float8_e8m0fnu)
    else:
        scales = torch.where(most > 0, most / LARGEST, 1.0)
    codes = wide / _over_blocks(scales, block, wide.shape)
    return codes.clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn), scales


def unpack(
    codes: torch.Tensor, scales: torch.Tensor, block: tuple[int, int] = BLOCK
) -> torch.Tensor:
    """float32 [out, in] of what `pack` gives; exact in bfloat16 too where scales are ue8m0."""
    return codes.float() * _over_blocks(scales, block, codes.shape)


def scale_values(scales: torch.Tensor) -> torch.Tensor:
    """float32 of scales in either format (bytes are ue8m0)."""
    one_byte = scales.dtype in (torch.uint8, torch.float8_e8m0fnu)
    return power_value(scales) if one_byte else scales.float()


def _most_of_blocks(wide: torch.Tensor, block: tuple[int, int]) -> torch.Tensor:
    down, across = (-size % part for size, part in zip(wide.shape, block, strict=True))
    whole = pad(wide.abs(), (0, across, 0, down))
    blocks = whole.unflatten(1, (-1, block[1])).unflatten(0, (-1, block[0]))
    return blocks.amax(dim=(1, 3))


def _over_blocks(
    scales: torch.Tensor, block: tuple[int, int], shape: tuple[int, ...]
) -> torch.Tensor:
    """float32 [out, in]: each block's scale for all of its numbers."""
    values = scale_values(scales)
    for dim in (0, 1):
        values = values.repeat_interleave(block[dim], dim=dim).narrow(dim, 0, shape[dim])
    return values
