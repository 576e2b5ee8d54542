# pyright: reportArgumentType=none, reportAttributeAccessIssue=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""Gate and up projections of rows in the experts' order, multiplied as SwiGLU, in one kernel.

A task is one block of rows of one expert and one slice of the inner width. Rows lie side by side
(`expand_rows`), so a tile of them is one copy; the cube reads it as it is.
"""

from collections.abc import Mapping
from typing import Any

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.ascend.packing import PLANE, turned, turned_back
from inference.kernels.ascend.pair_groups import group_places
from inference.kernels.ascend.weight_tiles import add_product, row_tiles
from inference.kernels.reference import packed_experts as reference
from inference.kernels.reference.packed_experts import ExpertFormat, PackedExperts, pack_experts
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

# Widths of a task's slice and of a step's inputs, by a block's rows: what fits the unified buffer
# (`lower`), with slices as wide as transfers are best.
SIZES: dict[ExpertFormat, dict[int, tuple[int, int]]] = {
    "bf16": {16: (256, 128), 64: (128, 128)},
    "fp8": {16: (128, 64), 64: (64, 64)},
    "mxfp4": {16: (128, 2 * PLANE), 64: (64, 2 * PLANE)},
    "int8": {16: (128, 64), 64: (64, 64)},
    "int4": {16: (128, 2 * PLANE), 64: (64, 2 * PLANE)},
}


def sizes_of(form: ExpertFormat, block_rows: int) -> dict[str, int]:
    """The kernel's block sizes, for blocks of 16 rows or of 64."""
    across, inputs = SIZES[form][block_rows]
    return {"BLOCK_M": block_rows, "BLOCK_N": across, "BLOCK_K": inputs}


@jit(varying=("most",))
def _gate_up(
    rows,  # [P, D]
    codes,
    scales,
    least,
    blocks,  # [most, 3]
    inner,  # [P, I]
    width,
    inner_width,
    limit,
    most,
    FORM: tl.constexpr,
    HAS_LIMIT: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    slices = tl.cdiv(inner_width, BLOCK_N)
    for task in range(tl.program_id(0), most * slices, tl.num_programs(0)):
        block = blocks + (task // slices) * 3
        count = tl.load(block + 2)
        if count > 0:
            expert, first = tl.load(block).to(tl.int64), tl.load(block + 1).to(tl.int64)
            slice = (task % slices) * BLOCK_N
            column = slice + tl.arange(0, BLOCK_N)
            half = tl.cdiv(inner_width, 128)  # rows of blocks of 128 in the gate's half
            gate_block = expert * 2 * half + slice // 128
            mine = rows + first * width
            gate = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
            up = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
            for at in range(0, width, BLOCK_K):
                low, high = row_tiles(mine, count, at, width, FORM, BLOCK_M, BLOCK_K)
                gate = add_product(
                    gate, low, high, codes, scales, least, expert, at, width, column,
                    inner_width, 2 * inner_width, gate_block, FORM, BLOCK_K,
                )  # fmt: skip
                up = add_product(
                    up, low, high, codes, scales, least, expert, at, width, inner_width + column,
                    2 * inner_width, 2 * inner_width, gate_block + half, FORM, BLOCK_K,
                )  # fmt: skip
            if HAS_LIMIT:
                gate = tl.minimum(gate, limit, propagate_nan=tl.PropagateNan.ALL)
                up = tl.minimum(up, limit, propagate_nan=tl.PropagateNan.ALL)
                up = tl.maximum(up, -limit, propagate_nan=tl.PropagateNan.ALL)
            product = gate / (1.0 + tl.exp(-gate)) * up
            at_row = tl.arange(0, BLOCK_M)
            tl.store(
                inner + first * inner_width + at_row[:, None] * inner_width + column[None, :],
                product.to(inner.dtype.element_ty),
                mask=(at_row < count)[:, None] & (column < inner_width)[None, :],
            )


def grouped_gate_up(
    rows: torch.Tensor,
    experts: PackedExperts,
    blocks: torch.Tensor,
    *,
    limit: float | None,
    block_rows: int = 16,
) -> torch.Tensor:
    """SwiGLU of each row by its expert's gate and up projections.

    Args:
        rows: [P, D] bfloat16 in the experts' order. experts: of out ``2 I``, as `packing` lays
            them. blocks: of `group_places`, of ``block_rows`` rows each.
    Returns:
        [P, I]; what is in rows of no block is not defined.
    """
    width, inner_width = rows.shape[1], experts.codes.shape[2] // 2
    inner = rows.new_empty(len(rows), inner_width)
    sizes = sizes_of(experts.form, block_rows)
    tasks = len(blocks) * triton.cdiv(inner_width, sizes["BLOCK_N"])
    _gate_up[grid(tasks, rows.device, "cube")](
        rows,
        experts.codes,
        experts.scales,
        experts.least,
        blocks,
        inner,
        width,
        inner_width,
        limit or 0.0,
        len(blocks),
        FORM=experts.form,
        HAS_LIMIT=limit is not None,
        **sizes,
    )
    return inner


def _reference(
    *,
    rows: torch.Tensor,
    experts: PackedExperts,
    blocks: torch.Tensor,
    limit: float | None,
    block_rows: int,
) -> torch.Tensor:
    order = torch.arange(len(rows), dtype=torch.int32, device=rows.device)
    found = reference.grouped_gate_up(
        rows, turned_back(experts, rows.shape[1]), order, blocks, top_k=1, limit=limit
    )
    assert isinstance(found, torch.Tensor)
    return found


def make_rows(
    device: torch.device, rows: int, experts: int, width: int, block_rows: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random choices of 6 experts at most, rows for their pairs, and the pairs' blocks."""
    generator = torch.Generator(device).manual_seed(0)
    scores = torch.rand(rows, experts, device=device, generator=generator)
    chosen = scores.topk(min(6, experts)).indices.int()
    _, blocks = group_places(chosen, experts, block_rows)
    pairs = torch.randn(chosen.numel(), width, device=device, generator=generator).bfloat16()
    return chosen, pairs, blocks


def make_experts(
    device: torch.device, form: ExpertFormat, experts: int, out: int, width: int
) -> PackedExperts:
    """Random weights; every fourth expert is the same, so that making many is quick.

    Of "fp8" each half of the gate's and up's is whole blocks of 128.
    """
    generator = torch.Generator(device).manual_seed(1)
    base = torch.randn(out, width, device=device, generator=generator) * width**-0.5
    few = [base.roll(i, 0).bfloat16() for i in range(min(experts, 4))]
    packed = turned(pack_experts(few, form))
    index = torch.arange(experts, device=device) % len(few)
    more = (None if part is None else part[index] for part in (packed.scales, packed.least))
    return PackedExperts(form, packed.codes[index], *more)


def used_bytes(packed: PackedExperts, chosen: torch.Tensor) -> int:
    """Bytes of the experts that any row chose."""
    every = bytes_of(packed.codes, packed.scales, packed.least)
    return every * len(chosen.unique()) // len(packed.codes)


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
    chosen, pairs, blocks = make_rows(device, rows, experts, width, block_rows)
    packed = make_experts(device, form, experts, 2 * inner, width)
    count = len(pairs)
    return Case(
        {
            "rows": pairs,
            "experts": packed,
            "blocks": blocks,
            "limit": 10.0,
            "block_rows": block_rows,
        },
        floor_bytes=used_bytes(packed, chosen) + bytes_of(pairs, blocks) + count * inner * 2,
        operations=4 * count * width * inner,
    )


FORMS: tuple[ExpertFormat, ...] = ("bf16", "fp8", "mxfp4", "int8", "int4")
_POINTERS: dict[ExpertFormat, dict[str, str]] = {
    "bf16": {"codes": "*bf16"},
    "fp8": {"codes": "*u8", "scales": "*u8"},
    "mxfp4": {"codes": "*u8", "scales": "*u8"},
    "int8": {"codes": "*i8", "scales": "*bf16"},
    "int4": {"codes": "*u8", "scales": "*bf16", "least": "*bf16"},
}


def signature_of(form: ExpertFormat, names: Mapping[str, str]) -> tuple[dict[str, str], Any]:
    """Arguments' types, and the constants of what the format has not."""
    signature = {**_POINTERS[form], "blocks": "*i32", "most": "i32", **names}
    return signature, dict.fromkeys({"scales", "least"} - signature.keys())


def _compilation(form: ExpertFormat, rows: int) -> Compilation:
    names = {"rows": "*bf16", "inner": "*bf16", "width": "i32", "inner_width": "i32"}
    signature, absent = signature_of(form, names | {"limit": "fp32"})
    constants = {"FORM": form, "HAS_LIMIT": True, **sizes_of(form, rows)}
    return Compilation(_gate_up, signature, constants | absent, ("width", "inner_width"))


def _spec(form: ExpertFormat) -> KernelSpec:
    small: dict[str, Any] = {"form": form, "block_rows": 16}
    large = {"experts": 256, "width": 4096, "inner": 2048}
    return KernelSpec(
        name=f"grouped_gate_up.{form}",
        does=f"gate and up of rows by expert, SwiGLU; weights {form}",
        run=grouped_gate_up,
        reference=_reference,
        case=_case,
        shapes={
            "counted": {**small, "rows": 3, "experts": 2, "width": 128, "inner": 128},
            "decode": {**small, "rows": 16, **large},
            "prefill": {"form": form, "block_rows": 64, "rows": 4096, **large},
        },
        compilations=[_compilation(form, 16), _compilation(form, 64)],
        tolerance=0.02,
    )


KERNELS = tuple(_spec(form) for form in FORMS)
