# pyright: reportArgumentType=none, reportAttributeAccessIssue=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""The down projection of rows in the experts' order."""

from typing import Any

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.ascend.grouped_gate_up import (
    FORMS,
    make_experts,
    make_rows,
    signature_of,
    sizes_of,
    used_bytes,
)
from inference.kernels.ascend.packing import turned_back
from inference.kernels.ascend.weight_tiles import add_product, row_tiles
from inference.kernels.reference import packed_experts as reference
from inference.kernels.reference.packed_experts import ExpertFormat, PackedExperts
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of


@jit(varying=("most",))
def _down(
    inner,  # [P, I]
    codes,
    scales,
    least,
    blocks,  # [most, 3]
    outputs,  # [P, D]
    inner_width,
    width,
    most,
    FORM: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    slices = tl.cdiv(width, BLOCK_N)
    for task in range(tl.program_id(0), most * slices, tl.num_programs(0)):
        block = blocks + (task // slices) * 3
        count = tl.load(block + 2)
        if count > 0:
            expert, first = tl.load(block).to(tl.int64), tl.load(block + 1).to(tl.int64)
            slice = (task % slices) * BLOCK_N
            total = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
            column = slice + tl.arange(0, BLOCK_N)
            scale_block = expert * tl.cdiv(width, 128) + slice // 128
            mine = inner + first * inner_width
            for at in range(0, inner_width, BLOCK_K):
                low, high = row_tiles(mine, count, at, inner_width, FORM, BLOCK_M, BLOCK_K)
                total = add_product(
                    total, low, high, codes, scales, least, expert, at, inner_width, column,
                    width, width, scale_block, FORM, BLOCK_K,
                )  # fmt: skip
            row = tl.arange(0, BLOCK_M)
            tl.store(
                outputs + first * width + row[:, None] * width + column[None, :],
                total.to(outputs.dtype.element_ty),
                mask=(row < count)[:, None] & (column < width)[None, :],
            )


def grouped_down(
    inner: torch.Tensor, experts: PackedExperts, blocks: torch.Tensor, *, block_rows: int = 16
) -> torch.Tensor:
    """Each row by its expert's down projection: [P, I] to [P, D].

    Args:
        inner, blocks: as of `grouped_gate_up`. experts: of out D, as `packing` lays them.
    Returns:
        What is in rows of no block is not defined.
    """
    inner_width, width = inner.shape[1], experts.codes.shape[2]
    outputs = inner.new_empty(len(inner), width)
    sizes = sizes_of(experts.form, block_rows)
    tasks = len(blocks) * triton.cdiv(width, sizes["BLOCK_N"])
    _down[grid(tasks, inner.device, "cube")](
        inner,
        experts.codes,
        experts.scales,
        experts.least,
        blocks,
        outputs,
        inner_width,
        width,
        len(blocks),
        FORM=experts.form,
        **sizes,
    )
    return outputs


def _reference(
    *, inner: torch.Tensor, experts: PackedExperts, blocks: torch.Tensor, block_rows: int
) -> torch.Tensor:
    order = torch.arange(len(inner), dtype=torch.int32, device=inner.device)
    weights = torch.ones(len(inner), 1, device=inner.device)
    found = reference.grouped_down(
        inner, turned_back(experts, inner.shape[1]), weights, order, blocks, inner.dtype
    )
    return found[:, 0]


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
    chosen, pairs, blocks = make_rows(device, rows, experts, inner, block_rows)
    packed = make_experts(device, form, experts, width, inner)
    return Case(
        {"inner": pairs, "experts": packed, "blocks": blocks, "block_rows": block_rows},
        floor_bytes=used_bytes(packed, chosen) + bytes_of(pairs, blocks) + len(pairs) * width * 2,
        operations=2 * len(pairs) * width * inner,
    )


def _compilation(form: ExpertFormat, rows: int) -> Compilation:
    names = {"inner": "*bf16", "outputs": "*bf16", "width": "i32", "inner_width": "i32"}
    signature, absent = signature_of(form, names)
    constants = {"FORM": form, **sizes_of(form, rows)}
    return Compilation(_down, signature, constants | absent, ("width", "inner_width"))


def _spec(form: ExpertFormat) -> KernelSpec:
    small: dict[str, Any] = {"form": form, "block_rows": 16}
    large = {"experts": 256, "width": 4096, "inner": 2048}
    return KernelSpec(
        name=f"grouped_down.{form}",
        does=f"down projection of rows by expert; weights {form}",
        run=grouped_down,
        reference=_reference,
        case=_case,
        shapes={
            "counted": {**small, "rows": 3, "experts": 2, "width": 64, "inner": 128},
            "decode": {**small, "rows": 16, **large},
            "prefill": {"form": form, "block_rows": 64, "rows": 4096, **large},
        },
        compilations=[_compilation(form, 16), _compilation(form, 64)],
        tolerance=0.02,
    )


KERNELS = tuple(_spec(form) for form in FORMS)
