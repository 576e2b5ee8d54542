# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportOperatorIssue=none
"""Attention's output turned back and projected, each group of heads by its own matrix.

The inner dimension is walked twice: first the channels that do not turn, of all heads of the group,
then the pairs that do, whose two halves are two products. So a tile of the output is made in one
pass over its operands, and what is turned is never written.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.tuning import architecture_of, configuration
from inference.kernels.reference.deepseek_v4_seams import turn_back_and_project
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_NAME = "output_projection"


@jit(varying=("tokens",))
def projection_kernel(
    heads,  # [T, G, HEADS, WIDTH]: HEADS in each group
    weight,  # [G, RANK, HEADS * WIDTH]
    cos,  # [T, ROPE / 2] float32
    sin,
    out,  # [T, G, RANK]
    tokens,
    GROUPS: tl.constexpr,
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    ROPE: tl.constexpr,
    RANK: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_R: tl.constexpr,
):
    PLAIN: tl.constexpr = WIDTH - ROPE
    TILES: tl.constexpr = triton.cdiv(PLAIN, BLOCK_K)
    row = (tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)).to(tl.int64)
    rank = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    group = tl.program_id(2)
    known, ranked = (row < tokens)[:, None], (rank < RANK)[None, :]
    from_row = heads + ((row * GROUPS + group) * HEADS * WIDTH)[:, None]
    from_rank = weight + ((group.to(tl.int64) * RANK + rank) * HEADS * WIDTH)[None, :]
    total = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for step in range(HEADS * TILES):
        column = (step % TILES) * BLOCK_K + tl.arange(0, BLOCK_K)
        at, inside = (step // TILES) * WIDTH + column, column < PLAIN
        x = tl.load(from_row + at[None, :], mask=known & inside[None, :], other=0.0)
        w = tl.load(from_rank + at[:, None], mask=inside[:, None] & ranked, other=0.0)
        total = tl.dot(x, w, total, input_precision="ieee")
    pair = tl.arange(0, BLOCK_R)
    turns = pair < ROPE // 2
    angle = row[:, None] * (ROPE // 2) + pair[None, :]
    c = tl.load(cos + angle, mask=known & turns[None, :], other=0.0)
    s = tl.load(sin + angle, mask=known & turns[None, :], other=0.0)
    for head in range(HEADS):
        even = head * WIDTH + PLAIN + 2 * pair
        x0 = tl.load(from_row + even[None, :], mask=known & turns[None, :], other=0.0)
        x1 = tl.load(from_row + even[None, :] + 1, mask=known & turns[None, :], other=0.0)
        w0 = tl.load(from_rank + even[:, None], mask=turns[:, None] & ranked, other=0.0)
        w1 = tl.load(from_rank + even[:, None] + 1, mask=turns[:, None] & ranked, other=0.0)
        back0 = (x0.to(tl.float32) * c + x1.to(tl.float32) * s).to(x0.dtype)
        back1 = (x1.to(tl.float32) * c - x0.to(tl.float32) * s).to(x0.dtype)
        total = tl.dot(back0, w0, total, input_precision="ieee")
        total = tl.dot(back1, w1, total, input_precision="ieee")
    to = out + ((row * GROUPS + group) * RANK)[:, None] + rank[None, :]
    tl.store(to, total, mask=known & ranked)


def output_projection(
    heads: torch.Tensor, weight: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor
) -> torch.Tensor:
    """See `turn_back_and_project`; all contiguous."""
    tokens, _, width = heads.shape
    groups, rank, inner = weight.shape
    out = heads.new_empty(tokens, groups * rank)
    if not tokens:
        return out
    chosen = configuration(_NAME, architecture_of(heads.device), tokens)
    grid = (triton.cdiv(tokens, chosen["BLOCK_M"]), triton.cdiv(rank, chosen["BLOCK_N"]), groups)
    projection_kernel[grid](
        heads,
        weight,
        cos,
        sin,
        out,
        tokens,
        GROUPS=groups,
        HEADS=inner // width,
        WIDTH=width,
        ROPE=2 * cos.shape[-1],
        RANK=rank,
        BLOCK_R=max(16, triton.next_power_of_2(cos.shape[-1])),
        **chosen,
    )
    return out


def _case(device: torch.device, *, tokens: int, groups: int, rank: int = 1024) -> Case:
    generator = torch.Generator(device).manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    heads = draw(tokens, 8 * groups, 512).bfloat16()
    weight, angles = (draw(groups, rank, 4096) / 64).bfloat16(), draw(tokens, 32)
    return Case(
        {"heads": heads, "weight": weight, "cos": angles.cos(), "sin": angles.sin()},
        bytes_of(heads, weight) + 2 * bytes_of(angles) + 2 * tokens * groups * rank,
        operations=2 * tokens * groups * rank * 4096,
    )


def _compilation(groups: int, rows: int) -> Compilation:
    return Compilation(
        projection_kernel,
        {
            "heads": "*bf16",
            "weight": "*bf16",
            "cos": "*fp32",
            "sin": "*fp32",
            "out": "*bf16",
            "tokens": "i32",
        },
        {
            "GROUPS": groups,
            "HEADS": 8,
            "WIDTH": 512,
            "ROPE": 64,
            "RANK": 1024,
            "BLOCK_R": 32,
        },
        tuned=_NAME,
        rows=rows,
    )


KERNELS = (
    KernelSpec(
        name=_NAME,
        does="attention's output turned back, and each group of heads projected",
        run=output_projection,
        reference=turn_back_and_project,
        case=_case,
        shapes={
            "counted": {"tokens": 3, "groups": 1, "rank": 100},
            "decode": {"tokens": 64, "groups": 8},
            "prefill": {"tokens": 4096, "groups": 8},
        },
        compilations=[_compilation(8, 16), _compilation(16, 4096)],
        tolerance=3e-2,
    ),
)
