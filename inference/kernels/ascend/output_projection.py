# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""Attention's output turned back and projected, each group of heads by its own matrix.

Turning back touches 64 channels of 512, so they are turned in place on vector cores (`turn_heads`);
then a group's heads are one row, which a cube multiplies as it comes. So it does the weight, whose
last axis in memory is to be the output's (`lay_out`).
"""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.ascend.turn_heads import turn_heads
from inference.kernels.reference.deepseek_v4_seams import turn_back_and_project
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_BLOCK_M, _BLOCK_N, _BLOCK_K = 64, 256, 256  # 512 bytes of bfloat16
_FEW = 16


@jit(varying=("tokens",))
def projection_kernel(
    heads,  # [T, G, INNER]
    weight,  # [G, INNER, RANK]
    out,  # [T, G, RANK]
    tokens,
    GROUPS: tl.constexpr,
    INNER: tl.constexpr,
    RANK: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    RANKS: tl.constexpr = triton.cdiv(RANK, BLOCK_N)
    m, n, k = tl.arange(0, BLOCK_M)[:, None], tl.arange(0, BLOCK_N)[None, :], tl.arange(0, BLOCK_K)
    blocks = tl.cdiv(tokens, BLOCK_M)
    for task in range(tl.program_id(0), blocks * RANKS * GROUPS, tl.num_programs(0)):
        # Blocks of rows follow one another: they share the weight's tile.
        row, rank = (task % blocks) * BLOCK_M, (task // blocks) % RANKS * BLOCK_N
        group = tl.cast(task // (blocks * RANKS), tl.int64)
        from_row = heads + (tl.cast(row, tl.int64) * GROUPS + group) * INNER
        from_rank = weight + group * INNER * RANK + rank
        total = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
        for step in range(0, INNER, BLOCK_K):
            inside = k < INNER - step
            x = tl.load(
                from_row + m * (GROUPS * INNER) + step + k[None, :],
                mask=(m < tokens - row) & inside[None, :],
                other=0.0,
            )
            w = tl.load(
                from_rank + (step + k[:, None]) * RANK + n,
                mask=inside[:, None] & (n < RANK - rank),
                other=0.0,
            )
            total = tl.dot(x, w, total, input_precision="ieee")
        to = out + (tl.cast(row, tl.int64) * GROUPS + group) * RANK + rank
        tl.store(
            to + m * (GROUPS * RANK) + n,
            total.to(out.dtype.element_ty),
            mask=(m < tokens - row) & (n < RANK - rank),
        )


def lay_out(weight: torch.Tensor) -> torch.Tensor:
    """The same matrices [G, rank, inner], with the rank as the last axis in memory."""
    return weight.transpose(1, 2).contiguous().transpose(1, 2)


def output_projection(
    heads: torch.Tensor, weight: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor
) -> torch.Tensor:
    """See `turn_back_and_project`; ``heads`` are contiguous and are turned where they lie.

    Args:
        weight: from `lay_out`, or it is laid out at each call.
    """
    tokens = len(heads)
    groups, rank, inner = weight.shape
    out = heads.new_empty(tokens, groups * rank)
    if not tokens:
        return out
    turned = turn_heads(heads, cos, sin, inverse=True, in_place=True)
    block_m = _FEW if tokens <= _FEW else _BLOCK_M
    tasks = triton.cdiv(tokens, block_m) * triton.cdiv(rank, _BLOCK_N) * groups
    projection_kernel[grid(tasks, heads.device, "cube")](
        turned, weight.transpose(1, 2).contiguous(), out, tokens, GROUPS=groups, INNER=inner,
        RANK=rank, BLOCK_M=block_m, BLOCK_N=_BLOCK_N, BLOCK_K=_BLOCK_K,
    )  # fmt: skip
    return out


def _case(device: torch.device, *, tokens: int, heads: int, rank: int) -> Case:
    """Two groups."""
    generator = torch.Generator(device).manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    given = draw(tokens, 2 * heads, 512).bfloat16()
    weight, angles = (draw(2, rank, heads * 512) / 64).bfloat16(), draw(tokens, 32)
    return Case(
        {"heads": given, "weight": lay_out(weight), "cos": angles.cos(), "sin": angles.sin()},
        bytes_of(given, weight) + 2 * bytes_of(angles) + 2 * tokens * 2 * rank,
        operations=2 * tokens * 2 * rank * heads * 512,
    )


def _compilation(groups: int, block_m: int) -> Compilation:
    return Compilation(
        projection_kernel,
        {**dict.fromkeys(("heads", "weight", "out"), "*bf16"), "tokens": "i32"},
        {
            "GROUPS": groups,
            "INNER": 4096,
            "RANK": 1024,
            "BLOCK_M": block_m,
            "BLOCK_N": _BLOCK_N,
            "BLOCK_K": _BLOCK_K,
        },
    )


KERNELS = (
    KernelSpec(
        name="output_projection",
        does="attention's output turned back, and each group of heads projected",
        run=output_projection,
        reference=turn_back_and_project,
        case=_case,
        shapes={"counted": {"tokens": 3, "heads": 1, "rank": 100}},
        compilations=[_compilation(8, _FEW), _compilation(16, _BLOCK_M)],
        tolerance=3e-2,
    ),
)
