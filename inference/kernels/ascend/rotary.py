# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
"""Rotary pairs of tiles that hold nothing but channels that turn."""

import triton
import triton.language as tl


@triton.jit
def turn_pairs(x, cos, sin, ROWS: tl.constexpr, BLOCK_R: tl.constexpr):
    """[ROWS, BLOCK_R] float32: pairs (2i, 2i + 1) turned by ``cos`` and ``sin`` [BLOCK_R / 2]."""
    even, odd = tl.split(tl.reshape(x, (ROWS, BLOCK_R // 2, 2)))
    c, s = cos[None, :], sin[None, :]
    return tl.reshape(tl.join(even * c - odd * s, odd * c + even * s), (ROWS, BLOCK_R))


@triton.jit
def angles_of(cos, sin, row, ROPE: tl.constexpr, BLOCK_R: tl.constexpr):
    """The ROPE / 2 angles of a row, of [rows, ROPE / 2] float32."""
    pair = tl.arange(0, BLOCK_R // 2)
    at = row * (ROPE // 2) + pair
    turns = pair < ROPE // 2
    return tl.load(cos + at, mask=turns, other=1.0), tl.load(sin + at, mask=turns, other=0.0)


@triton.jit
def turn_row(
    x, cos, sin, row, WIDTH: tl.constexpr, ROPE: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """``x`` [BLOCK] float32, the last ROPE of WIDTH channels turned by the angles of ``row``."""
    pair = tl.arange(0, BLOCK // 2)
    at = row * (ROPE // 2) - (WIDTH - ROPE) // 2 + pair
    turns = (pair >= (WIDTH - ROPE) // 2) & (pair < WIDTH // 2)
    c = tl.load(cos + at, mask=turns, other=1.0)
    s = tl.load(sin + at, mask=turns, other=0.0)
    return tl.reshape(turn_pairs(x[None, :], c, s, 1, BLOCK), (BLOCK,))
