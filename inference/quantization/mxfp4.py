"""Weights in MXFP4 (OCP): E2M1 numbers, two in a byte, and a power of two for each 32 inputs.

A byte holds an even input in its low half and the next one in its high half. A half is a sign
(8) and one of eight sizes: 0, 0.5, 1, 1.5, 2, 3, 4, 6. There is no infinity and no NaN but the
scale's.
"""

import torch

from inference.quantization.scales import (
    as_bytes,
    grouped,
    power_above,
    power_value,
    refuse_infinite,
    spread,
)

GROUP = 32
LARGEST = 6.0
SIZES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
_SIGN = 8
# Halfway between two sizes; a number there goes to the even code, so every second bound is a little
# lower: what is on a bound belongs below it.
_BELOW = float.fromhex("-0x1p-24")
_BOUNDS = (0.25, 0.75 + _BELOW, 1.25, 1.75 + 2 * _BELOW, 2.5, 3.5 + 4 * _BELOW, 5.0)


def pack(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes and scales of a weight [out, in].

    Returns:
        uint8 [out, in / 2], and float8_e8m0fnu [out, ceil(in / 32)]. The scale is the least one by
        which nothing is cut, so a number is off by half a step of its code at most.
    Raises:
        ValueError: a number is not finite, or ``in`` is odd.
    """
    refuse_infinite(weight)
    if weight.shape[-1] % 2:
        raise ValueError("MXFP4 keeps two numbers in a byte; a row needs an even number of inputs.")
    wide = weight.float()
    scales = power_above(grouped(wide.abs(), GROUP).amax(-1), LARGEST)
    codes = encode(wide / spread(power_value(scales), GROUP, wide.shape[-1]))
    return join_halves(codes), scales.view(torch.float8_e8m0fnu)


def unpack(codes: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """float32 [..., in] of what `pack` gives; exact in bfloat16 too.

    Args:
        codes: bytes of any dtype of one byte: [..., in / 2].
        scales: uint8 or float8_e8m0fnu [..., ceil(in / 32)].
    """
    values = decode(split_halves(as_bytes(codes)))
    return values * spread(power_value(scales), GROUP, values.shape[-1])


def encode(numbers: torch.Tensor) -> torch.Tensor:
    """uint8 codes 0 to 15 of scaled numbers: the nearest one, the even code where two are."""
    bounds = torch.tensor(_BOUNDS, device=numbers.device)
    sizes = torch.bucketize(numbers.abs(), bounds)
    return (sizes + _SIGN * torch.signbit(numbers)).to(torch.uint8)


def decode(codes: torch.Tensor) -> torch.Tensor:
    """float32 of codes 0 to 15."""
    table = torch.tensor(SIZES + tuple(-size for size in SIZES), device=codes.device)
    return table[codes.int()]


def join_halves(codes: torch.Tensor) -> torch.Tensor:
    """[..., n] of 4 bits each as bytes [..., n / 2]."""
    return codes[..., 0::2] | codes[..., 1::2] << 4


def split_halves(codes: torch.Tensor) -> torch.Tensor:
    """Bytes [..., n] as their halves [..., 2 n], the low one first."""
    return torch.stack([codes & 0xF, codes >> 4], dim=-1).flatten(-2)
