# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""Turns the rotary channels of all heads of each row, forward or back, in place or into a copy."""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.ascend.rotary import angles_of, turn_pairs
from inference.kernels.reference.deepseek_v4 import rotate_pairs
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_TILE = 8192  # numbers


@jit(varying=("tokens",))
def turn_kernel(
    heads,  # [T, H, d]
    turned,  # [T, H, d]; without COPIES the same
    cos,  # [T, r / 2] float32
    sin,
    tokens,
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    ROPE: tl.constexpr,
    SIGN: tl.constexpr,
    COPIES: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_R: tl.constexpr,
):
    PARTS: tl.constexpr = triton.cdiv(HEADS, BLOCK_H)
    PLAIN: tl.constexpr = WIDTH - ROPE
    head, rope, columns = tl.arange(0, BLOCK_H), tl.arange(0, BLOCK_R), tl.arange(0, BLOCK_D)
    for task in range(tl.program_id(0), tokens * PARTS, tl.num_programs(0)):
        token, part = tl.cast(task // PARTS, tl.int64), task % PARTS
        known = (part * BLOCK_H + head < HEADS)[:, None]
        first = (token * HEADS + part * BLOCK_H) * WIDTH
        if COPIES:
            at = first + head[:, None] * WIDTH + columns[None, :]
            plain = known & (columns < PLAIN)[None, :]
            tl.store(turned + at, tl.load(heads + at, mask=plain, other=0.0), mask=plain)
        at = first + PLAIN + head[:, None] * WIDTH + rope[None, :]
        turns = known & (rope < ROPE)[None, :]
        x = tl.load(heads + at, mask=turns, other=0.0).to(tl.float32)
        c, s = angles_of(cos, sin, token, ROPE, BLOCK_R)
        x = turn_pairs(x, c, s * SIGN, BLOCK_H, BLOCK_R)
        tl.store(turned + at, x.to(turned.dtype.element_ty), mask=turns)


def turn_heads(
    heads: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    *,
    inverse: bool = False,
    in_place: bool = False,
) -> torch.Tensor:
    """`rotate_pairs` of heads [T, H, d], contiguous, by the angles [T, r / 2] of their row."""
    tokens, count, width = heads.shape
    turned = heads if in_place else torch.empty_like(heads)
    rope = 2 * cos.shape[-1]
    block_d, block_r = triton.next_power_of_2(width), triton.next_power_of_2(rope)
    widest = block_r if in_place else block_d
    block_h = min(triton.next_power_of_2(count), max(1, _TILE // widest))
    if tokens:
        tasks = tokens * triton.cdiv(count, block_h)
        turn_kernel[grid(tasks, heads.device, "vector")](
            heads, turned, cos, sin, tokens, HEADS=count, WIDTH=width, ROPE=rope,
            SIGN=-1.0 if inverse else 1.0, COPIES=not in_place, BLOCK_H=block_h, BLOCK_D=block_d,
            BLOCK_R=block_r,
        )  # fmt: skip
    return turned


def _reference(
    heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, *, inverse: bool, in_place: bool
) -> torch.Tensor:
    return rotate_pairs(heads, cos[:, None], sin[:, None], inverse=inverse)


def _case(device: torch.device, *, tokens: int, heads: int, width: int, inverse: bool) -> Case:
    """Back in place, as attention's output is turned; forward into a copy."""
    generator = torch.Generator(device).manual_seed(0)
    given = torch.randn(tokens, heads, width, device=device, generator=generator).bfloat16()
    angles = torch.randn(tokens, 32, device=device, generator=generator)
    moved = given[..., -64:] if inverse else given
    return Case(
        {"heads": given, "cos": angles.cos(), "sin": angles.sin(), "inverse": inverse,
         "in_place": inverse},
        2 * bytes_of(moved) + 2 * bytes_of(angles),
        operations=tokens * heads * 32 * 6,
    )  # fmt: skip


def _compilation(width: int, inverse: bool) -> Compilation:
    return Compilation(
        turn_kernel,
        {
            **dict.fromkeys(("heads", "turned"), "*bf16"),
            **dict.fromkeys(("cos", "sin"), "*fp32"),
            "tokens": "i32",
        },
        {
            "HEADS": 64,
            "WIDTH": width,
            "ROPE": 64,
            "SIGN": -1.0 if inverse else 1.0,
            "COPIES": not inverse,
            "BLOCK_H": 64,
            "BLOCK_D": width,
            "BLOCK_R": 64,
        },
    )


KERNELS = tuple(
    KernelSpec(
        name=name,
        does=does,
        run=turn_heads,
        reference=_reference,
        case=_case,
        shapes={"counted": {"tokens": 2, "heads": 5, "width": width, "inverse": inverse}},
        compilations=[_compilation(width, inverse)],
        tolerance=1e-2,
    )
    for name, does, width, inverse in (
        ("turn_queries", "the indexer's queries, turned", 128, False),
        ("turn_back", "attention's output turned back, in place", 512, True),
    )
)
