# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
"""Root mean square norm of rows in one pass: of low-rank queries, and of what a draft reads."""

import torch
import triton
import triton.language as tl

from inference.kernels.reference.deepseek_v4_seams import norm_rows
from inference.kernels.triton_common.cases import norm_case
from inference.kernels.triton_common.spec import Compilation, KernelSpec

_WARPS = 4


@triton.jit
def norm_kernel(
    rows,  # [R, WIDTH]
    weight,  # [WIDTH] float32
    positions,  # [R] int64
    normed,  # [R, WIDTH]
    eps,
    WIDTH: tl.constexpr,
    HAS_POSITIONS: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK_D)
    inside = columns < WIDTH
    x = tl.load(rows + row * WIDTH + columns, mask=inside, other=0.0).to(tl.float32)
    if HAS_POSITIONS:
        x = tl.where(tl.load(positions + row) == 0, 0.0, x)
    w = tl.load(weight + columns, mask=inside, other=0.0)
    x = w * (x * tl.rsqrt(tl.sum(x * x) / WIDTH + eps))
    tl.store(normed + row * WIDTH + columns, x, mask=inside)


def rms_norm(
    rows: torch.Tensor, weight: torch.Tensor, *, eps: float, positions: torch.Tensor | None = None
) -> torch.Tensor:
    """See `norm_rows`; all contiguous."""
    count, width = rows.shape
    normed = torch.empty_like(rows)
    if count:
        norm_kernel[(count,)](
            rows,
            weight,
            positions,
            normed,
            eps,
            WIDTH=width,
            HAS_POSITIONS=positions is not None,
            BLOCK_D=triton.next_power_of_2(width),
            num_warps=_WARPS,
        )
    return normed


def _compilation(width: int, *, positions: bool) -> Compilation:
    pointers = {"rows": "*bf16", "weight": "*fp32", "normed": "*bf16", "eps": "fp32"}
    constants = {
        "WIDTH": width,
        "HAS_POSITIONS": positions,
        "BLOCK_D": triton.next_power_of_2(width),
        "num_warps": _WARPS,
    }
    if positions:
        return Compilation(norm_kernel, {**pointers, "positions": "*i64"}, constants)
    return Compilation(norm_kernel, pointers, {**constants, "positions": None})


KERNELS = (
    KernelSpec(
        name="rms_norm",
        does="norms rows of low-rank queries, or of what a draft reads",
        run=rms_norm,
        reference=norm_rows,
        case=norm_case,
        shapes={
            "counted": {"rows": 1, "width": 1536},
            "decode": {"rows": 64, "width": 1024},
            "prefill": {"rows": 4096, "width": 1024},
        },
        compilations=[_compilation(1024, positions=False), _compilation(7168, positions=True)],
        tolerance=1e-2,
    ),
)
