# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
"""Root mean square norm of rows: of low-rank queries, and of what a draft reads."""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.reference.deepseek_v4_seams import norm_rows
from inference.kernels.triton_common.cases import norm_case
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Compilation, KernelSpec

WIDEST = tl.constexpr(4096)  # weights that stay in the buffer from row to row


@jit(varying=("count",))
def norm_kernel(
    rows,  # [R, WIDTH]
    weight,  # [WIDTH] float32
    positions,  # [R] int64
    normed,  # [R, WIDTH]
    count,
    eps,
    WIDTH: tl.constexpr,
    HAS_POSITIONS: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    columns = tl.arange(0, BLOCK_D)
    inside = columns < WIDTH
    w = 0.0
    if BLOCK_D <= WIDEST:
        w = tl.load(weight + columns, mask=inside, other=0.0)
    for row in range(tl.program_id(0), count, tl.num_programs(0)):
        at = tl.cast(row, tl.int64) * WIDTH + columns
        x = tl.load(rows + at, mask=inside, other=0.0).to(tl.float32)
        if HAS_POSITIONS:
            x = tl.where(tl.load(positions + row).to(tl.float32) == 0.0, 0.0, x)
        x *= tl.rsqrt(tl.sum(x * x, axis=0) / WIDTH + eps)
        if BLOCK_D <= WIDEST:
            x *= w
        else:  # it finds no place beside the squares
            x *= tl.load(weight + columns, mask=inside, other=0.0)
        tl.store(normed + at, x.to(normed.dtype.element_ty), mask=inside)


def rms_norm(
    rows: torch.Tensor, weight: torch.Tensor, *, eps: float, positions: torch.Tensor | None = None
) -> torch.Tensor:
    """See `norm_rows`; all contiguous."""
    count, width = rows.shape
    normed = torch.empty_like(rows)
    if count:
        norm_kernel[grid(count, rows.device, "vector")](
            rows, weight, weight if positions is None else positions, normed, count, eps,
            WIDTH=width, HAS_POSITIONS=positions is not None,
            BLOCK_D=triton.next_power_of_2(width),
        )  # fmt: skip
    return normed


def _compilation(width: int, *, positions: bool) -> Compilation:
    """Low-rank queries have 1024 or 1536 channels; a draft's rows are as wide as the model."""
    pointers = {"rows": "*bf16", "weight": "*fp32", "normed": "*bf16"}
    pointers["positions"] = "*i64" if positions else "*fp32"
    return Compilation(
        norm_kernel,
        {**pointers, "count": "i32", "eps": "fp32"},
        {
            "WIDTH": width, "HAS_POSITIONS": positions,
            "BLOCK_D": triton.next_power_of_2(width),
        },
    )  # fmt: skip


KERNELS = (
    KernelSpec(
        name="rms_norm",
        does="norms rows of low-rank queries, or of what a draft reads",
        run=rms_norm,
        reference=norm_rows,
        case=norm_case,
        shapes={"counted": {"rows": 9, "width": 512}},
        compilations=[
            *(_compilation(width, positions=False) for width in (1024, 1536)),
            *(_compilation(width, positions=True) for width in (4096, 7168)),
        ],
        tolerance=1e-2,
    ),
)
