"""The router's projection in float32, cut along the hidden width so that few rows fill the chip.

Each program multiplies one slice of the width; `router_choice` adds the slices up.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.tuning import architecture_of, configuration
from inference.kernels.reference.experts_top_k import router_logits
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of


@jit(varying=("rows",))
def _router_slices(
    hidden,  # [T, D]
    router,  # [E, D] float32
    slices,  # [SLICES, T, E] float32
    rows,
    experts,
    width,
    SLICES: tl.constexpr,
    PRECISION: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    at_row = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    at_expert = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    slice = tl.program_id(2)
    row_in, expert_in = at_row < rows, at_expert < experts
    total = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for start in range(slice * BLOCK_K, width, SLICES * BLOCK_K):
        at = start + tl.arange(0, BLOCK_K)
        inside = at < width
        states = tl.load(
            hidden + at_row[:, None].to(tl.int64) * width + at[None, :],
            mask=row_in[:, None] & inside[None, :],
            other=0.0,
        )
        weights = tl.load(
            router + at_expert[None, :] * width + at[:, None],
            mask=expert_in[None, :] & inside[:, None],
            other=0.0,
        )
        total = tl.dot(states.to(tl.float32), weights, total, input_precision=PRECISION)
    place = (slice.to(tl.int64) * rows + at_row[:, None]) * experts + at_expert[None, :]
    tl.store(slices + place, total, mask=row_in[:, None] & expert_in[None, :])


def router_slices(hidden: torch.Tensor, router: torch.Tensor) -> torch.Tensor:
    """[T, D] and [E, D] float32 to [slices, T, E] float32, whose sum over slices are the logits."""
    rows, width = hidden.shape
    experts = router.shape[0]
    chosen = configuration("router", architecture_of(hidden.device), rows)
    slices = hidden.new_empty(chosen["SLICES"], rows, experts, dtype=torch.float32)
    grid = (
        triton.cdiv(rows, chosen["BLOCK_M"]),
        triton.cdiv(experts, chosen["BLOCK_N"]),
        chosen["SLICES"],
    )
    _router_slices[grid](hidden, router, slices, rows, experts, width, **chosen)
    return slices


def _logits(hidden: torch.Tensor, router: torch.Tensor) -> torch.Tensor:
    return router_slices(hidden, router).sum(0)


def _case(device: torch.device, *, rows: int, experts: int, width: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    hidden = torch.randn(rows, width, device=device, generator=generator).bfloat16()
    router = torch.randn(experts, width, device=device, generator=generator) * width**-0.5
    return Case(
        {"hidden": hidden, "router": router},
        floor_bytes=bytes_of(hidden, router) + rows * experts * 4,
        operations=2 * rows * experts * width,
    )


KERNELS = (
    KernelSpec(
        name="router",
        does="hidden states to router logits, float32",
        run=_logits,
        reference=router_logits,
        case=_case,
        shapes={
            "counted": {"rows": 16, "experts": 60, "width": 4096},
            "decode": {"rows": 16, "experts": 256, "width": 4096},
            "prefill": {"rows": 4096, "experts": 256, "width": 4096},
        },
        compilations=[
            Compilation(
                _router_slices,
                {
                    "hidden": "*bf16",
                    "router": "*fp32",
                    "slices": "*fp32",
                    "rows": "i32",
                    "experts": "i32",
                    "width": "i32",
                },
                divisible=("experts", "width"),
                tuned="router",
                rows=rows,
            )
            for rows in (16, 4096)
        ],
        tolerance=2e-5,
    ),
)
