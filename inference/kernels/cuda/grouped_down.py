# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none, reportAttributeAccessIssue=none
"""Down projection of every (row, expert) pair, times the pair's weight; `combine` adds them up.

Each pair's row is written by itself and added up in a fixed order: atomic additions would make an
answer depend on which program came first.
"""

from typing import Any

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.grouped_gate_up import (
    FORMS,
    POINTERS,
    make_experts,
    make_pairs,
    used_bytes,
)
from inference.kernels.cuda.tuning import architecture_of, configuration
from inference.kernels.cuda.weight_tiles import add_product, load_scales
from inference.kernels.reference import packed_experts as reference
from inference.kernels.reference.packed_experts import (
    ExpertFormat,
    PackedExperts,
    QuantisedRows,
    Rows,
    quantise_rows,
)
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of


@jit
def _down(
    inner,  # [P, I]
    inner_scales,  # uint8 [P, I / 128]: "fp8" only
    codes,
    scales,
    least,
    weights,  # [P] float32
    order,  # [P]
    blocks,  # [most, 3]
    out,  # [P, D]
    width,
    inner_width,
    FORM: tl.constexpr,
    NATIVE: tl.constexpr,
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
    pair = tl.load(order + first + at, mask=here, other=0).to(tl.int64)
    row = (first + at).to(tl.int64)
    column = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = column < width
    down_block = expert * tl.cdiv(width, 128) + tl.program_id(0) * BLOCK_N // 128
    total = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for start in range(0, inner_width, BLOCK_K):
        k = start + tl.arange(0, BLOCK_K)
        rows = tl.load(
            inner + row[:, None] * inner_width + k[None, :],
            mask=here[:, None] & (k < inner_width)[None, :],
            other=0,
        )
        row_scales = 1.0
        if FORM == "fp8":
            groups = tl.cdiv(inner_width, 128)
            row_scales = load_scales(inner_scales, row * groups + start // 128, here)
        total = add_product(
            total, rows, row_scales, codes, scales, least, expert * width + column, down_block,
            inside, start, inner_width, FORM, NATIVE, BLOCK_K,
        )  # fmt: skip
    total *= tl.load(weights + pair, mask=here, other=0.0)[:, None]
    tl.store(
        out + pair[:, None] * width + column[None, :],
        total.to(out.dtype.element_ty),
        mask=here[:, None] & inside[None, :],
    )


def grouped_down(
    inner: Rows,
    experts: PackedExperts,
    weights: torch.Tensor,
    order: torch.Tensor,
    blocks: torch.Tensor,
    dtype: torch.dtype,
    *,
    block_rows: int = 16,
) -> torch.Tensor:
    """See `kernels.reference.packed_experts`; ``block_rows`` are those of the blocks (16, 64)."""
    rows, row_scales = (inner, None) if isinstance(inner, torch.Tensor) else inner
    width, inner_width = experts.codes.shape[1], rows.shape[1]
    name = f"grouped_down.{experts.form}"
    chosen = configuration(name, architecture_of(rows.device), block_rows)
    out = torch.empty(*weights.shape, width, dtype=dtype, device=rows.device)
    _down[(triton.cdiv(width, chosen["BLOCK_N"]), len(blocks))](
        rows,
        row_scales,
        experts.codes,
        experts.scales,
        experts.least,
        weights,
        order,
        blocks,
        out,
        width,
        inner_width,
        FORM=experts.form,
        BLOCK_M=block_rows,
        **{"NATIVE": False} | chosen,
    )
    return out


def _reference(*, block_rows: int, **arguments: Any) -> torch.Tensor:
    return reference.grouped_down(**arguments)


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
    packed = make_experts(device, form, experts, width, inner)
    generator = torch.Generator(device).manual_seed(2)
    states = torch.randn(6 * rows, inner, device=device, generator=generator).bfloat16()
    given = quantise_rows(states) if form == "fp8" else states
    weights = torch.rand(rows, 6, device=device, generator=generator)
    read = bytes_of(*given) if isinstance(given, QuantisedRows) else bytes_of(given)
    return Case(
        {
            "inner": given,
            "experts": packed,
            "weights": weights,
            "order": order,
            "blocks": blocks,
            "dtype": torch.bfloat16,
            "block_rows": block_rows,
        },
        floor_bytes=used_bytes(packed, chosen)
        + read
        + bytes_of(order, blocks, weights)
        + 6 * rows * width * 2,
        operations=2 * 6 * rows * width * inner,
    )


def _compilation(form: ExpertFormat, rows: int) -> Compilation:
    signature = {"inner": "*bf16", "out": "*bf16", "order": "*i32", "blocks": "*i32"}
    signature |= {"weights": "*fp32", "width": "i32", "inner_width": "i32"} | POINTERS[form]
    if form == "fp8":
        signature |= {"inner": "*u8", "inner_scales": "*u8"}
    absent = dict.fromkeys({"scales", "least", "inner_scales"} - signature.keys())
    return Compilation(
        _down,
        signature,
        {"FORM": form, "BLOCK_M": rows, "NATIVE": False} | absent,
        divisible=("width", "inner_width"),
        tuned=f"grouped_down.{form}",
        rows=rows,
    )


def _spec(form: ExpertFormat) -> KernelSpec:
    real = {"form": form, "experts": 256, "width": 4096, "inner": 2048}
    several = 256 if form == "fp8" else 128  # blocks of 128 with scales of their own
    return KernelSpec(
        name=f"grouped_down.{form}",
        does=f"down projection of pairs by expert, weighted; weights {form}",
        run=grouped_down,
        reference=_reference,
        case=_case,
        shapes={
            "counted": {"form": form, "rows": 2, "experts": 6, "width": several, "inner": several}
            | {"block_rows": 16},
            "decode": real | {"rows": 16, "block_rows": 16},
            "prefill": real | {"rows": 4096, "block_rows": 64},
        },
        compilations=[_compilation(form, rows) for rows in (16, 64)],
        tolerance=0.01,
    )


KERNELS = tuple(_spec(form) for form in FORMS)
