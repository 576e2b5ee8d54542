# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportOperatorIssue=none
"""Attention's output turned back and projected, each group of heads by its own matrix.

The inner dimension is walked twice: first the channels that do not turn, of all heads of the group,
then the pairs that do, whose two halves are two products. So a tile of the output is made in one
pass over its operands, and what is turned is never written. FP8 weights are widened in registers,
which is exact in bfloat16, since their scales are powers of two.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.device import decode_e4m3, scale_value
from inference.kernels.cuda.tuning import architecture_of, configuration
from inference.kernels.reference.deepseek_v4_seams import Fp8Groups, turn_back_and_project
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_NAME = "output_projection"


@jit
def _weights(
    codes,  # [1, N] pointers to rows
    scales,  # [1, N] pointers to the rows' scales
    first,
    at,  # [K] columns, from ``first`` on
    inside,  # [K]
    ranked,  # [1, N]
    dtype,
    WIDTH: tl.constexpr,
    FORM: tl.constexpr,
    SPAN: tl.constexpr,
):
    """[K, N]. The columns are within SPAN of ``first``, in a head's same SPAN."""
    mask = inside[:, None] & ranked
    w = tl.load(codes + at[:, None], mask=mask, other=0)
    if FORM == "fp8":
        if WIDTH % 128 == 0 and 128 % SPAN == 0:  # so one block of 128 holds them all
            step = scale_value(tl.load(scales + first // 128, mask=ranked, other=0))
        else:
            step = scale_value(tl.load(scales + at[:, None] // 128, mask=mask, other=0))
        w = (decode_e4m3(w) * step).to(dtype)
    return w


@jit(varying=("tokens",))
def projection_kernel(
    heads,  # [T, G, HEADS, WIDTH]: HEADS in each group
    weight,  # [G, RANK, HEADS * WIDTH]; FP8: uint8
    scales,  # uint8 [G * RANK / 128, HEADS * WIDTH / 128]: "fp8" only
    cos,  # [T, ROPE / 2] float32
    sin,
    out,  # [T, G, RANK]
    tokens,
    GROUPS: tl.constexpr,
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    ROPE: tl.constexpr,
    RANK: tl.constexpr,
    FORM: tl.constexpr,
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
    rank_row = group.to(tl.int64) * RANK + rank
    from_rank = weight + (rank_row * HEADS * WIDTH)[None, :]
    of_rank = scales
    if FORM == "fp8":
        of_rank = scales + (rank_row // 128 * tl.cdiv(HEADS * WIDTH, 128))[None, :]
    total = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for step in range(HEADS * TILES):
        begin = (step % TILES) * BLOCK_K
        first = (step // TILES) * WIDTH + begin
        at = first + tl.arange(0, BLOCK_K)
        inside = begin + tl.arange(0, BLOCK_K) < PLAIN
        x = tl.load(from_row + at[None, :], mask=known & inside[None, :], other=0.0)
        w = _weights(from_rank, of_rank, first, at, inside, ranked, x.dtype, WIDTH, FORM, BLOCK_K)
        total = tl.dot(x, w, total, input_precision="ieee")
    pair = tl.arange(0, BLOCK_R)
    turns = pair < ROPE // 2
    angle = row[:, None] * (ROPE // 2) + pair[None, :]
    c = tl.load(cos + angle, mask=known & turns[None, :], other=0.0)
    s = tl.load(sin + angle, mask=known & turns[None, :], other=0.0)
    for head in range(HEADS):
        first = head * WIDTH + PLAIN
        even = first + 2 * pair
        x0 = tl.load(from_row + even[None, :], mask=known & turns[None, :], other=0.0)
        x1 = tl.load(from_row + even[None, :] + 1, mask=known & turns[None, :], other=0.0)
        w0 = _weights(
            from_rank, of_rank, first, even, turns, ranked, x0.dtype, WIDTH, FORM, 2 * BLOCK_R
        )
        w1 = _weights(
            from_rank, of_rank, first, even + 1, turns, ranked, x0.dtype, WIDTH, FORM, 2 * BLOCK_R
        )
        back0 = (x0.to(tl.float32) * c + x1.to(tl.float32) * s).to(x0.dtype)
        back1 = (x1.to(tl.float32) * c - x0.to(tl.float32) * s).to(x0.dtype)
        total = tl.dot(back0, w0, total, input_precision="ieee")
        total = tl.dot(back1, w1, total, input_precision="ieee")
    to = out + ((row * GROUPS + group) * RANK)[:, None] + rank[None, :]
    tl.store(to, total, mask=known & ranked)


def output_projection(
    heads: torch.Tensor, weight: torch.Tensor | Fp8Groups, cos: torch.Tensor, sin: torch.Tensor
) -> torch.Tensor:
    """See `turn_back_and_project`; all contiguous."""
    tokens, _, width = heads.shape
    groups, rank, inner = weight.shape
    out = heads.new_empty(tokens, groups * rank)
    if not tokens:
        return out
    narrow = isinstance(weight, Fp8Groups)
    chosen = configuration(_NAME + "_fp8" * narrow, architecture_of(heads.device), tokens)
    grid = (triton.cdiv(tokens, chosen["BLOCK_M"]), triton.cdiv(rank, chosen["BLOCK_N"]), groups)
    projection_kernel[grid](
        heads,
        weight.codes if isinstance(weight, Fp8Groups) else weight,
        weight.scales if isinstance(weight, Fp8Groups) else None,
        cos,
        sin,
        out,
        tokens,
        FORM="fp8" if narrow else "numbers",
        GROUPS=groups,
        HEADS=inner // width,
        WIDTH=width,
        ROPE=2 * cos.shape[-1],
        RANK=rank,
        BLOCK_R=max(16, triton.next_power_of_2(cos.shape[-1])),
        **chosen,
    )
    return out


def _case(
    device: torch.device, *, tokens: int, groups: int, rank: int = 1024, narrow: bool = False
) -> Case:
    generator = torch.Generator(device).manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    heads = draw(tokens, 8 * groups, 512).bfloat16()
    weight, angles = (draw(groups, rank, 4096) / 64).bfloat16(), draw(tokens, 32)
    given: torch.Tensor | Fp8Groups = Fp8Groups.of(weight) if narrow else weight
    stored = (given.codes, given.scales) if isinstance(given, Fp8Groups) else (given,)
    return Case(
        {"heads": heads, "weight": given, "cos": angles.cos(), "sin": angles.sin()},
        bytes_of(heads, *stored) + 2 * bytes_of(angles) + 2 * tokens * groups * rank,
        operations=2 * tokens * groups * rank * 4096,
    )


def _compilation(groups: int, rows: int, narrow: bool) -> Compilation:
    return Compilation(
        projection_kernel,
        {
            "heads": "*bf16",
            "weight": "*u8" if narrow else "*bf16",
            "cos": "*fp32",
            "sin": "*fp32",
            "out": "*bf16",
            "tokens": "i32",
            **({"scales": "*u8"} if narrow else {}),
        },
        {
            "GROUPS": groups,
            "HEADS": 8,
            "WIDTH": 512,
            "ROPE": 64,
            "RANK": 1024,
            "FORM": "fp8" if narrow else "numbers",
            "BLOCK_R": 32,
            **({} if narrow else {"scales": None}),
        },
        tuned=_NAME + "_fp8" * narrow,
        rows=rows,
    )


KERNELS = tuple(
    KernelSpec(
        name=_NAME + "_fp8" * narrow,
        does=f"attention's output turned back, and each group of heads projected{what}",
        run=output_projection,
        reference=turn_back_and_project,
        case=_case,
        shapes={
            "counted": {"tokens": 3, "groups": 1, "rank": 60, "narrow": narrow},
            "decode": {"tokens": 64, "groups": 8, "narrow": narrow},
            "prefill": {"tokens": 4096, "groups": 8, "narrow": narrow},
        },
        compilations=[_compilation(8, 16, narrow), _compilation(16, 4096, narrow)],
        tolerance=3e-2,
    )
    for narrow, what in ((False, ""), (True, "; weights FP8"))
)
