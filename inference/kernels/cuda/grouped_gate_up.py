# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none, reportAttributeAccessIssue=none
"""Gate and up projections of every (row, expert) pair, multiplied as SwiGLU, in one kernel.

A program has one block of rows of one expert and one slice of the inner width. Packed weights are
decoded in registers; FP8 rows stay FP8 on chips that multiply it, and are exact in bfloat16 on the
others, so results agree.
"""

from typing import Any

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.device import encode_e4m3, scale_above, scale_value
from inference.kernels.cuda.pair_groups import group_pairs
from inference.kernels.cuda.tuning import architecture_of, configuration
from inference.kernels.cuda.weight_tiles import add_product, load_scales
from inference.kernels.reference import packed_experts as reference
from inference.kernels.reference.packed_experts import (
    ExpertFormat,
    PackedExperts,
    QuantisedRows,
    Rows,
    pack_experts,
    quantise_rows,
    row_values,
)
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of


@jit
def _gate_up(
    hidden,  # [T, D]
    hidden_scales,  # uint8 [T, D / 128]: "fp8" only
    codes,
    scales,
    least,
    order,  # [P]
    blocks,  # [most, 3]
    inner,  # [P, I]
    inner_scales,  # uint8 [P, I / 128]: "fp8" only
    width,
    inner_width,
    limit,
    TOP_K: tl.constexpr,
    FORM: tl.constexpr,
    NATIVE: tl.constexpr,
    HAS_LIMIT: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    block = blocks + tl.program_id(1) * 3
    count = tl.load(block + 2)
    if count == 0:
        return
    expert, first = tl.load(block).to(tl.int64), tl.load(block + 1)
    at = tl.arange(0, BLOCK_M)
    here = at < count
    row = tl.load(order + first + at, mask=here, other=0).to(tl.int64) // TOP_K
    column = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = column < inner_width
    gate_row = expert * (2 * inner_width) + column
    up_row = gate_row + inner_width
    half = tl.cdiv(inner_width, 128)  # rows of blocks of 128 in the gate's half
    gate_block = expert * 2 * half + tl.program_id(0) * BLOCK_N // 128
    gate = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    up = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for start in range(0, width, BLOCK_K):
        k = start + tl.arange(0, BLOCK_K)
        rows = tl.load(
            hidden + row[:, None] * width + k[None, :],
            mask=here[:, None] & (k < width)[None, :],
            other=0,
        )
        row_scales = 1.0
        if FORM == "fp8":
            groups = tl.cdiv(width, 128)
            row_scales = load_scales(hidden_scales, row * groups + start // 128, here)
        gate = add_product(
            gate, rows, row_scales, codes, scales, least, gate_row, gate_block,
            inside, start, width, FORM, NATIVE, BLOCK_K,
        )  # fmt: skip
        up = add_product(
            up, rows, row_scales, codes, scales, least, up_row, gate_block + half,
            inside, start, width, FORM, NATIVE, BLOCK_K,
        )  # fmt: skip
    if HAS_LIMIT:
        gate = tl.minimum(gate, limit, propagate_nan=tl.PropagateNan.ALL)
        up = tl.clamp(up, -limit, limit, propagate_nan=tl.PropagateNan.ALL)
    product = gate / (1.0 + tl.exp(-gate)) * up
    place = (first + at).to(tl.int64)
    if FORM == "fp8":
        size = tl.where(inside[None, :] & (product == product), tl.abs(product), 0.0)
        byte = scale_above(tl.minimum(tl.max(size, axis=1), 3.4028234663852886e38))
        groups = tl.cdiv(inner_width, 128)
        tl.store(inner_scales + place * groups + tl.program_id(0), byte.to(tl.uint8), mask=here)
        product = encode_e4m3(product / scale_value(byte)[:, None])
    tl.store(
        inner + place[:, None] * inner_width + column[None, :],
        product.to(inner.dtype.element_ty),
        mask=here[:, None] & inside[None, :],
    )


def grouped_gate_up(
    hidden: Rows,
    experts: PackedExperts,
    order: torch.Tensor,
    blocks: torch.Tensor,
    *,
    top_k: int,
    limit: float | None,
    block_rows: int = 16,
) -> Rows:
    """See `kernels.reference.packed_experts`; ``block_rows`` are those of the blocks (16, 64)."""
    rows, row_scales = (hidden, None) if isinstance(hidden, torch.Tensor) else hidden
    width, inner_width = rows.shape[1], experts.codes.shape[1] // 2
    name = f"grouped_gate_up.{experts.form}"
    chosen = configuration(name, architecture_of(rows.device), block_rows)
    inner = rows.new_empty(len(order), inner_width)
    inner_scales = None
    if row_scales is not None:
        inner_scales = rows.new_empty(len(order), triton.cdiv(inner_width, 128))
    _gate_up[(triton.cdiv(inner_width, chosen["BLOCK_N"]), len(blocks))](
        rows,
        row_scales,
        experts.codes,
        experts.scales,
        experts.least,
        order,
        blocks,
        inner,
        inner_scales,
        width,
        inner_width,
        limit or 0.0,
        TOP_K=top_k,
        FORM=experts.form,
        HAS_LIMIT=limit is not None,
        BLOCK_M=block_rows,
        **{"NATIVE": False} | chosen,
    )
    return inner if inner_scales is None else QuantisedRows(inner, inner_scales)


def _run(**arguments: Any) -> torch.Tensor:
    return row_values(grouped_gate_up(**arguments))


def _reference(*, block_rows: int, **arguments: Any) -> torch.Tensor:
    return row_values(reference.grouped_gate_up(**arguments))


def make_pairs(device: torch.device, rows: int, experts: int, top_k: int, block_rows: int):
    """Random choices, their pairs and blocks, by the reference."""
    generator = torch.Generator(device).manual_seed(0)
    scores = torch.rand(rows, experts, device=device, generator=generator)
    chosen = scores.topk(top_k).indices.int()
    return chosen, *group_pairs(chosen, experts, block_rows)


def make_experts(
    device: torch.device, form: ExpertFormat, experts: int, out: int, width: int
) -> PackedExperts:
    """Random weights; every fourth expert is the same, so that making many is quick."""
    generator = torch.Generator(device).manual_seed(1)
    base = torch.randn(out, width, device=device, generator=generator) * width**-0.5
    packed = pack_experts([base.roll(i, 0).bfloat16() for i in range(min(experts, 4))], form)
    return repeat_experts(packed, experts)


def used_bytes(packed: PackedExperts, chosen: torch.Tensor) -> int:
    """Bytes of the experts that any row chose."""
    every = bytes_of(packed.codes, packed.scales, packed.least)
    return every * len(chosen.unique()) // len(packed.codes)


def repeat_experts(packed: PackedExperts, experts: int) -> PackedExperts:
    """As many experts, the given ones in turn."""
    index = torch.arange(experts, device=packed.codes.device) % len(packed.codes)
    more = (None if part is None else part[index] for part in (packed.scales, packed.least))
    return PackedExperts(packed.form, packed.codes[index], *more)


def _case(
    device: torch.device,
    *,
    form: ExpertFormat,
    rows: int,
    experts: int,
    width: int,
    inner: int,
    block_rows: int,
) -> Case:
    chosen, order, blocks = make_pairs(device, rows, experts, 6, block_rows)
    packed = make_experts(device, form, experts, 2 * inner, width)
    generator = torch.Generator(device).manual_seed(2)
    hidden = torch.randn(rows, width, device=device, generator=generator).bfloat16()
    given = quantise_rows(hidden) if form == "fp8" else hidden
    pairs = rows * 6
    written = pairs * (inner + inner // 128 if form == "fp8" else 2 * inner)
    read = bytes_of(*given) if isinstance(given, QuantisedRows) else bytes_of(given)
    return Case(
        {
            "hidden": given,
            "experts": packed,
            "order": order,
            "blocks": blocks,
            "top_k": 6,
            "limit": 10.0,
            "block_rows": block_rows,
        },
        floor_bytes=used_bytes(packed, chosen) + read + written + bytes_of(order, blocks),
        operations=4 * pairs * width * inner,
    )


FORMS: tuple[ExpertFormat, ...] = ("bf16", "fp8", "mxfp4", "int8", "int4")
POINTERS = {
    "bf16": {"codes": "*bf16"},
    "fp8": {"codes": "*u8", "scales": "*u8"},
    "mxfp4": {"codes": "*u8", "scales": "*u8"},
    "int8": {"codes": "*i8", "scales": "*bf16"},
    "int4": {"codes": "*u8", "scales": "*bf16", "least": "*bf16"},
}


def _compilation(form: ExpertFormat, rows: int) -> Compilation:
    signature = {"hidden": "*bf16", "inner": "*bf16", "order": "*i32", "blocks": "*i32"}
    signature |= {"width": "i32", "inner_width": "i32", "limit": "fp32"} | POINTERS[form]
    if form == "fp8":
        quantised = ("hidden", "hidden_scales", "inner", "inner_scales")
        signature |= dict.fromkeys(quantised, "*u8")
    absent = dict.fromkeys({"hidden_scales", "scales", "least", "inner_scales"} - signature.keys())
    constants = {"TOP_K": 6, "FORM": form, "HAS_LIMIT": True, "BLOCK_M": rows, "NATIVE": False}
    return Compilation(
        _gate_up,
        signature,
        constants | absent,
        divisible=("width", "inner_width"),
        tuned=f"grouped_gate_up.{form}",
        rows=rows,
    )


def _spec(form: ExpertFormat) -> KernelSpec:
    real = {"form": form, "experts": 256, "width": 4096, "inner": 2048}
    several = 256 if form == "fp8" else 128  # blocks of 128 with scales of their own
    return KernelSpec(
        name=f"grouped_gate_up.{form}",
        does=f"gate and up of pairs by expert, SwiGLU; weights {form}",
        run=_run,
        reference=_reference,
        case=_case,
        shapes={
            "counted": {"form": form, "rows": 2, "experts": 6, "width": several, "inner": 128}
            | {"block_rows": 16},
            "decode": real | {"rows": 16, "block_rows": 16},
            "prefill": real | {"rows": 4096, "block_rows": 64},
        },
        compilations=[_compilation(form, rows) for rows in (16, 64)],
        tolerance=0.04 if form == "fp8" else 0.01,
    )


KERNELS = tuple(_spec(form) for form in FORMS)
