# pyright: reportArgumentType=none, reportAttributeAccessIssue=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""The router's projection in float32, its weights [in, out] as the experts' are."""

from typing import Any

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.reference.experts_top_k import router_logits as reference
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

# Of few rows narrow slices, so that more cores have one.
_FEW = {"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_K": 256}
_MANY = {"BLOCK_M": 64, "BLOCK_N": 128, "BLOCK_K": 128}


@jit(varying=("rows",))
def _logits(
    hidden,  # [T, D]
    router,  # [D, E] float32
    logits,  # [T, E] float32
    rows,
    experts,
    width,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    across = tl.cdiv(experts, BLOCK_N)
    for task in range(tl.program_id(0), tl.cdiv(rows, BLOCK_M) * across, tl.num_programs(0)):
        row = (task // across) * BLOCK_M + tl.arange(0, BLOCK_M)
        expert = (task % across) * BLOCK_N + tl.arange(0, BLOCK_N)
        there, known = (row < rows)[:, None], (expert < experts)[None, :]
        total = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
        for at in range(0, width, BLOCK_K):
            k = at + tl.arange(0, BLOCK_K)
            states = tl.load(
                hidden + row[:, None] * width + k[None, :],
                mask=there & (k < width)[None, :],
                other=0.0,
            )
            weights = tl.load(
                router + k[:, None] * experts + expert[None, :],
                mask=(k < width)[:, None] & known,
                other=0.0,
            )
            total = tl.dot(states.to(tl.float32), weights, total, input_precision="ieee")
        tl.store(
            logits + row[:, None] * experts + expert[None, :],
            total,
            mask=there & known,
        )


def router_logits(hidden: torch.Tensor, router: torch.Tensor) -> torch.Tensor:
    """[T, D] in any float dtype and [D, E] float32 to [T, E] float32; all contiguous."""
    (rows, width), experts = hidden.shape, router.shape[1]
    logits = torch.empty(rows, experts, dtype=torch.float32, device=hidden.device)
    sizes = _FEW if rows <= _FEW["BLOCK_M"] else _MANY
    tasks = triton.cdiv(rows, sizes["BLOCK_M"]) * triton.cdiv(experts, sizes["BLOCK_N"])
    _logits[grid(tasks, hidden.device, "cube")](
        hidden, router, logits, rows, experts, width, **sizes
    )
    return logits


def _case(device: torch.device, *, rows: int, experts: int, width: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    hidden = torch.randn(rows, width, device=device, generator=generator).bfloat16()
    router = torch.randn(width, experts, device=device, generator=generator)
    return Case(
        {"hidden": hidden, "router": router},
        floor_bytes=bytes_of(hidden, router) + rows * experts * 4,
        operations=2 * rows * experts * width,
    )


def _compilation(sizes: dict[str, int]) -> Compilation:
    signature: dict[str, Any] = {"hidden": "*bf16", "router": "*fp32", "logits": "*fp32"}
    signature |= dict.fromkeys(("rows", "experts", "width"), "i32")
    return Compilation(_logits, signature, sizes, ("width", "experts"))


KERNELS = (
    KernelSpec(
        name="router",
        does="hidden states to router logits, float32",
        run=router_logits,
        reference=lambda hidden, router: reference(hidden, router.T),
        case=_case,
        shapes={
            "counted": {"rows": 4, "experts": 32, "width": 1024},
            "decode": {"rows": 16, "experts": 256, "width": 4096},
            "prefill": {"rows": 4096, "experts": 256, "width": 4096},
        },
        compilations=[_compilation(_FEW), _compilation(_MANY)],
        tolerance=1e-3,
    ),
)
