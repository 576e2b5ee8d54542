# pyright: reportArgumentType=none, reportAttributeAccessIssue=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""The weighted sum over each row's experts, out of the experts' order."""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.reference import packed_experts as reference
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

BLOCK = 2048  # columns of a task


@jit(varying=("rows",))
def _combine(
    outputs,  # [P, D]: in the experts' order
    places,  # [T * K] int32: where each pair's row is in it, -1: nowhere
    weights,  # [T * K] float32
    shared,  # [T, D]
    out,  # [T, D]
    rows,
    width,
    K: tl.constexpr,
    HAS_SHARED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    slices = tl.cdiv(width, BLOCK)
    for task in range(tl.program_id(0), rows * slices, tl.num_programs(0)):
        row = task // slices
        column = (task % slices) * BLOCK + tl.arange(0, BLOCK)
        inside = column < width
        begin = row.to(tl.int64) * width
        total = tl.zeros((BLOCK,), tl.float32)
        if HAS_SHARED:
            total = tl.load(shared + begin + column, mask=inside, other=0.0).to(tl.float32)
        for k in range(K):
            place = tl.load(places + row * K + k).to(tl.int64)
            if place >= 0:
                weight = tl.load(weights + row * K + k)
                found = tl.load(outputs + place * width + column, mask=inside, other=0.0)
                total += found.to(tl.float32) * weight
        tl.store(out + begin + column, total.to(out.dtype.element_ty), mask=inside)


def combine(
    outputs: torch.Tensor,
    places: torch.Tensor,
    weights: torch.Tensor,
    shared: torch.Tensor | None,
) -> torch.Tensor:
    """See `kernels.reference.packed_experts.combine_places`; all contiguous."""
    rows, top_k = weights.shape
    width = outputs.shape[1]
    out = torch.empty(rows, width, dtype=outputs.dtype, device=outputs.device)
    tasks = rows * triton.cdiv(width, BLOCK)
    _combine[grid(tasks, outputs.device, "vector")](
        outputs,
        places,
        weights,
        shared,
        out,
        rows,
        width,
        K=top_k,
        HAS_SHARED=shared is not None,
        BLOCK=BLOCK,
    )
    return out


def _case(device: torch.device, *, rows: int, width: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    outputs = torch.randn(rows * 6, width, device=device, generator=generator).bfloat16()
    shared = torch.randn(rows, width, device=device, generator=generator).bfloat16()
    places = torch.randperm(rows * 6, device=device, generator=generator).int()
    weights = torch.rand(rows, 6, device=device, generator=generator)
    return Case(
        {"outputs": outputs, "places": places, "weights": weights, "shared": shared},
        floor_bytes=bytes_of(outputs, shared, shared, places, weights),
        operations=13 * rows * width,
    )


KERNELS = (
    KernelSpec(
        name="combine",
        does="weighted sum over each row's experts, shared ones too",
        run=combine,
        reference=reference.combine_places,
        case=_case,
        shapes={
            "counted": {"rows": 3, "width": 4096},
            "decode": {"rows": 16, "width": 4096},
            "prefill": {"rows": 4096, "width": 4096},
        },
        compilations=[
            Compilation(
                _combine,
                {
                    "outputs": "*bf16",
                    "places": "*i32",
                    "weights": "*fp32",
                    "shared": "*bf16",
                    "out": "*bf16",
                    "rows": "i32",
                    "width": "i32",
                },
                {"K": 6, "HAS_SHARED": True, "BLOCK": BLOCK},
                divisible=("width",),
            )
        ],
        tolerance=0.01,
    ),
)
