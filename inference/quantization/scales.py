"""Scales of quantised numbers: powers of two in a byte (OCP's E8M0), and bfloat16 rounded up.

A byte b of E8M0 is ``2 ** (b - 127)``; 255 is no number. Powers of two make a scaled number exact,
so that quantising what was dequantised gives the same codes again.
"""

import math

import torch

BIAS = 127
NOT_A_NUMBER = 255


def power_above(most: torch.Tensor, largest: float) -> torch.Tensor:
    """The least E8M0 scale by which no number is above ``largest``, as bytes.

    Args:
        most: float32 >= 0, finite: the largest absolute number of each group.
        largest: the largest number of the codes.
    Returns:
        uint8 of the same shape; a group of zeros has scale 1.
    """
    mantissa, exponent = torch.frexp(most)
    top, top_exponent = math.frexp(largest)
    power = exponent - top_exponent + (mantissa > top)
    power = torch.where(most == 0, 0, power)
    return (power + BIAS).clamp(0, NOT_A_NUMBER - 1).to(torch.uint8)


def power_value(scales: torch.Tensor) -> torch.Tensor:
    """float32 of E8M0 bytes, given as uint8 or float8_e8m0fnu."""
    codes = as_bytes(scales).int()
    bits = codes << 23
    bits = bits.masked_fill(codes == 0, 1 << 22)  # 2 ** -127 is subnormal
    bits = bits.masked_fill(codes == NOT_A_NUMBER, 0x7FC00000)
    return bits.view(torch.float32)


def as_bytes(tensor: torch.Tensor) -> torch.Tensor:
    """Numbers of one byte as uint8: seen as bytes, never converted."""
    return tensor.view(torch.uint8)


def bfloat16_above(values: torch.Tensor) -> torch.Tensor:
    """The nearest bfloat16 of float32 numbers >= 0, or the next one where that is smaller."""
    near = values.to(torch.bfloat16)
    above = (near.view(torch.int16) + 1).view(torch.bfloat16)
    return torch.where(near.float() < values, above, near)


def grouped(tensor: torch.Tensor, size: int) -> torch.Tensor:
    """[..., n] as [..., ceil(n / size), size]; the last group repeats its last number."""
    missing = -tensor.shape[-1] % size
    if missing:
        tail = tensor[..., -1:].expand(*tensor.shape[:-1], missing)
        tensor = torch.cat([tensor, tail], dim=-1)
    return tensor.unflatten(-1, (-1, size))


def spread(scales: torch.Tensor, size: int, count: int) -> torch.Tensor:
    """Each scale for every number of its group: [..., groups] to [..., count]."""
    return scales.repeat_interleave(size, dim=-1)[..., :count]


def refuse_infinite(weight: torch.Tensor) -> None:
    """Raises ValueError: a weight that is no finite number has no code."""
    if not torch.isfinite(weight).all():
        raise ValueError("A weight is infinite or no number; it cannot be quantised.")
