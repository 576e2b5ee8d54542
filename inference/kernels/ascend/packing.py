"""Experts' weights in the layout that `weight_tiles` reads. Imports no Triton."""

import torch
from torch.nn.functional import pad

from inference.kernels.reference.packed_experts import (
    ExpertFormat,
    PackedExperts,
    beside,
    pack_experts,
)

PLANE = 32
"""Inputs between the two of a byte of 4-bit codes."""
_OF_FOUR_BITS = ("mxfp4", "int4")


def pack_for_ascend(
    weights: list[torch.Tensor], form: ExpertFormat, more: list[torch.Tensor] | None = None
) -> PackedExperts:
    """Projections [out, in] of the experts, and others of as many to the right of them.

    Args:
        more: the up projections, where ``weights`` are the gate's.
    """
    first = pack_experts(weights, form)
    return turned(first if more is None else beside(first, pack_experts(more, form)))


def turned(packed: PackedExperts) -> PackedExperts:
    """Codes [E, in, out] and groups' scales [E, in / 32, out]; blocks' scales stay.

    Of 4-bit codes byte ``i`` of each 32 holds inputs ``i`` and ``i + 32`` of 64; inputs beyond the
    last are 0, so that planes are whole.
    """
    codes = packed.codes
    if packed.form in _OF_FOUR_BITS:
        inputs = torch.stack((codes & 15, codes >> 4), dim=-1).flatten(-2)
        pairs = pad(inputs, (0, -inputs.shape[-1] % (2 * PLANE))).unflatten(-1, (-1, 2, PLANE))
        codes = (pairs[..., 0, :] | (pairs[..., 1, :] << 4)).flatten(-2)
    parts = (packed.scales, packed.least)
    if packed.form != "fp8":
        parts = tuple(None if part is None else part.mT.contiguous() for part in parts)
    return PackedExperts(packed.form, codes.mT.contiguous(), *parts)


def turned_back(packed: PackedExperts, width: int) -> PackedExperts:
    """As `kernels.reference` takes them, of ``width`` inputs."""
    codes = packed.codes.mT
    if packed.form in _OF_FOUR_BITS:
        planes = codes.unflatten(-1, (-1, 1, PLANE))
        inputs = torch.cat((planes & 15, planes >> 4), dim=-2).flatten(-3)
        codes = (inputs[..., 0::2] | (inputs[..., 1::2] << 4))[..., : width // 2]
    parts = (packed.scales, packed.least)
    if packed.form != "fp8":
        parts = tuple(None if part is None else part.mT for part in parts)
    return PackedExperts(packed.form, codes, *parts)
