# pyright: reportArgumentType=none, reportAttributeAccessIssue=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""Rows copied to the places of their pairs in the experts' order; each is read once."""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.reference.pair_groups import expand_rows as reference
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_BLOCK = 4096  # columns of a task


@jit(varying=("rows",))
def _expand(
    hidden,  # [T, D]
    places,  # [T * K] int32
    expanded,  # [T * K, D]
    rows,
    width,
    K: tl.constexpr,
    BLOCK: tl.constexpr,
):
    slices = tl.cdiv(width, BLOCK)
    for task in range(tl.program_id(0), rows * slices, tl.num_programs(0)):
        row = task // slices
        column = (task % slices) * BLOCK + tl.arange(0, BLOCK)
        inside = column < width
        numbers = tl.load(hidden + row.to(tl.int64) * width + column, mask=inside, other=0.0)
        for k in range(K):
            place = tl.load(places + row * K + k)
            if place >= 0:
                tl.store(expanded + place.to(tl.int64) * width + column, numbers, mask=inside)


def expand_rows(hidden: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """See `kernels.reference.pair_groups`; places of no pair are left undefined."""
    rows, width = hidden.shape
    expanded = hidden.new_empty(len(places), width)
    tasks = rows * triton.cdiv(width, _BLOCK)
    _expand[grid(tasks, hidden.device, "vector")](
        hidden, places, expanded, rows, width, K=len(places) // rows, BLOCK=_BLOCK
    )
    return expanded


def _case(device: torch.device, *, rows: int, width: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    hidden = torch.randn(rows, width, device=device, generator=generator).bfloat16()
    places = torch.randperm(rows * 6, device=device, generator=generator).int()
    return Case(
        {"hidden": hidden, "places": places}, floor_bytes=7 * bytes_of(hidden) + bytes_of(places)
    )


KERNELS = (
    KernelSpec(
        name="expand_rows",
        does="rows copied into the experts' order",
        run=expand_rows,
        reference=reference,
        case=_case,
        shapes={
            "counted": {"rows": 3, "width": 512},
            "decode": {"rows": 16, "width": 4096},
            "prefill": {"rows": 4096, "width": 4096},
        },
        compilations=[
            Compilation(
                _expand,
                {
                    "hidden": "*bf16",
                    "places": "*i32",
                    "expanded": "*bf16",
                    "rows": "i32",
                    "width": "i32",
                },
                {"K": 6, "BLOCK": _BLOCK},
                divisible=("width",),
            )
        ],
    ),
)
