"""A layer's experts in few bits, and what kernels over (row, expert) pairs compute, in torch."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from inference.kernels.reference.moe import silu_mul
from inference.quantization import fp8_block, int4, int8, mxfp4
from inference.quantization.scales import grouped, power_above, power_value, spread

ExpertFormat = Literal["bf16", "fp8", "mxfp4", "int8", "int4"]
ACTIVATION_GROUP = 128  # numbers of an activation that share a scale, in FP8


@dataclass(frozen=True, slots=True)
class PackedExperts:
    """One projection of every expert, [experts, out, in], as `inference.quantization` packs it.

    ``gate`` and ``up`` are one projection of ``2 x inner``: the gate's half first, each half
    packed by itself (of "fp8" a half is whole blocks of 128). Contiguous.
    """

    form: ExpertFormat
    codes: torch.Tensor  # [E, out, in]; of 4 bits uint8 [E, out, in / 2]; "fp8": uint8 codes
    scales: torch.Tensor | None = None  # "fp8": uint8 or float32 [E, out / 128, in / 128]
    least: torch.Tensor | None = None  # "int4": its least numbers

    @property
    def width(self) -> int:
        """Numbers that go in."""
        return self.codes.shape[2] * (2 if self.form in ("mxfp4", "int4") else 1)

    def unpacked(self, expert: int) -> torch.Tensor:
        """float32 [out, in] of one expert, as the kernels multiply it."""
        codes = self.codes[expert]
        if self.scales is None:
            return codes.float()
        scales = self.scales[expert]
        if self.form == "fp8":
            return fp8_block.unpack(codes.view(torch.float8_e4m3fn), scales)
        if self.form == "mxfp4":
            return mxfp4.unpack(codes, scales)
        if self.form == "int8" or self.least is None:
            return int8.unpack(codes, scales).bfloat16().float()
        whole = int4.unpack(codes, scales, self.least[expert], self.width)
        return whole.bfloat16().float()


def pack_experts(weights: list[torch.Tensor], form: ExpertFormat) -> PackedExperts:
    """Projections [out, in] of the experts, packed; where ``out`` is two halves, see the class."""
    if form == "bf16":
        return PackedExperts(form, torch.stack(weights))
    pack = {"fp8": fp8_block.pack, "mxfp4": mxfp4.pack, "int8": int8.pack, "int4": int4.pack}
    parts = [torch.stack(part) for part in zip(*map(pack[form], weights), strict=True)]
    codes = parts[0].view(torch.uint8) if form == "fp8" else parts[0]
    scales = parts[1].view(torch.uint8) if form in ("fp8", "mxfp4") else parts[1]
    return PackedExperts(form, codes, scales, parts[2] if form == "int4" else None)


def beside(gate: PackedExperts, up: PackedExperts) -> PackedExperts:
    """One projection of both, the gate's half first."""
    parts = (
        None if first is None or second is None else torch.cat((first, second), dim=1)
        for first, second in ((gate.scales, up.scales), (gate.least, up.least))
    )
    return PackedExperts(gate.form, torch.cat((gate.codes, up.codes), dim=1), *parts)


class QuantisedRows(NamedTuple):
    """FP8 codes of activations, a power of two for each 128 numbers of a row."""

    codes: torch.Tensor  # uint8 [T, D] (E4M3)
    scales: torch.Tensor  # uint8 [T, ceil(D / 128)] (E8M0)

    def values(self) -> torch.Tensor:
        """float32 [T, D]."""
        numbers = self.codes.view(torch.float8_e4m3fn).float()
        return numbers * spread(power_value(self.scales), ACTIVATION_GROUP, numbers.shape[1])


Rows = torch.Tensor | QuantisedRows


def quantise_rows(rows: torch.Tensor) -> QuantisedRows:
    """Rows [T, D] of finite numbers in any float dtype."""
    wide, width = rows.float(), rows.shape[1]
    scales = power_above(grouped(wide.abs(), ACTIVATION_GROUP).amax(-1), fp8_block.LARGEST)
    codes = wide / spread(power_value(scales), ACTIVATION_GROUP, width)
    return QuantisedRows(codes.to(torch.float8_e4m3fn).view(torch.uint8), scales)


def row_values(rows: Rows) -> torch.Tensor:
    """float32 [T, D]."""
    return rows.float() if isinstance(rows, torch.Tensor) else rows.values()


def grouped_gate_up(
    hidden: Rows,
    experts: PackedExperts,
    order: torch.Tensor,
    blocks: torch.Tensor,
    *,
    top_k: int,
    limit: float | None,
) -> Rows:
    """SwiGLU of each pair's row by its expert's gate and up projections.

    Args:
        hidden: [T, D]; of "fp8" experts quantised, and so is the result. experts: of out ``2 I``.
        order, blocks: of `group_pairs`. limit: as in `ExpertWeights`.
    Returns:
        [T * top_k, I] in the experts' order; what is in rows of empty places is not defined.
    """
    whole = row_values(hidden)
    out = whole.new_zeros(len(order), experts.codes.shape[1] // 2)
    for expert, first, count in blocks.tolist():
        if count:
            rows = whole[order[first : first + count].long() // top_k]
            gate, up = (rows @ experts.unpacked(expert).T).chunk(2, dim=1)
            out[first : first + count] = silu_mul(gate, up, limit)
    return out.to(hidden.dtype) if isinstance(hidden, torch.Tensor) else quantise_rows(out)


def grouped_down(
    inner: Rows,
    experts: PackedExperts,
    weights: torch.Tensor,
    order: torch.Tensor,
    blocks: torch.Tensor,
    dtype: torch.dtype,
) -> torch.Tensor:
    """Each pair's row by its expert's down projection, times the pair's weight.

    Args:
        inner: of `grouped_gate_up`. experts: of out D. weights: [T, K] float32.
    Returns:
        [T, K, D] in ``dtype``; what is in empty places is not defined.
    """
    whole = row_values(inner)
    out = whole.new_zeros(len(order), experts.codes.shape[1])
    for expert, first, count in blocks.tolist():
        if count:
            pairs = order[first : first + count].long()
            found = whole[first : first + count] @ experts.unpacked(expert).T
            out[pairs] = found * weights.flatten()[pairs, None]
    return out.to(dtype).view(*weights.shape, -1)


def combine(
    outputs: torch.Tensor, chosen: torch.Tensor, shared: torch.Tensor | None
) -> torch.Tensor:
    """Sum over each row's experts, added up in float32 and rounded once: [T, K, D] to [T, D].

    Args:
        chosen: [T, K]; places of -1 are left out, whatever is in ``outputs`` there.
        shared: [T, D], added too.
    """
    kept = torch.where(chosen[..., None] >= 0, outputs.float(), 0.0)
    total = kept.sum(1) if shared is None else kept.sum(1) + shared.float()
    return total.to(outputs.dtype)


def combine_places(
    outputs: torch.Tensor,
    places: torch.Tensor,
    weights: torch.Tensor,
    shared: torch.Tensor | None,
) -> torch.Tensor:
    """`combine` of rows that lie in the experts' order and are weighed here: [P, D] to [T, D].

    Args:
        places: [T * K] int32: where pair ``t * K + k`` lies in ``outputs``; -1: nowhere.
        weights: [T, K] float32. shared: [T, D], added with weight 1.
    """
    rows = outputs.float()[places.clamp(min=0).long()].view(*weights.shape, -1)
    kept = (places >= 0).view(weights.shape)[..., None]
    total = torch.where(kept, rows * weights[..., None], 0.0).sum(1)
    return (total if shared is None else total + shared.float()).to(outputs.dtype)
