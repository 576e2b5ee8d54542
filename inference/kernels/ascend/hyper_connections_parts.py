# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""What mHC before a block and after the last layer share: the projection, and the collapse.

Cube cores project, vector cores do the rest. A cube takes its operands from global memory alone, so
the float32 weight comes in two bfloat16 parts that were split before (`split_function`), and sums
of squares are products too: no tile is converted on its way. Sums are written with tokens along the
last axis.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.triton_common.jit import jit

BLOCK_T, BLOCK_K = 16, 256  # 512 bytes of bfloat16
SPLITS = 16  # of the inner dimension where tokens are too few for all cores
COLUMNS = 4096
_SMALLEST = 16  # rows of a product


@jit(varying=("tokens", "length"))
def project_kernel(
    streams,  # [T, INNER]
    function,  # [PARTS, OUTS, INNER]
    sums,  # [SPLITS, PADDED, length] float32: OUTS products, then the sum of squares
    tokens,
    length,
    INNER: tl.constexpr,
    OUTS: tl.constexpr,
    PADDED: tl.constexpr,
    PARTS: tl.constexpr,
    SPLITS: tl.constexpr,
    BLOCK_T: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    SHARE: tl.constexpr = triton.cdiv(triton.cdiv(INNER, SPLITS), BLOCK_K) * BLOCK_K
    outs, lanes, columns = tl.arange(0, PADDED), tl.arange(0, BLOCK_T), tl.arange(0, BLOCK_K)
    tasks = tl.cdiv(tokens, BLOCK_T) * SPLITS
    for task in range(tl.program_id(0), tasks, tl.num_programs(0)):
        first, split = (task // SPLITS) * BLOCK_T, task % SPLITS
        known = (first + lanes < tokens)[:, None]
        rows = streams + tl.cast(first, tl.int64) * INNER
        total = tl.zeros((PADDED, BLOCK_T), dtype=tl.float32)
        products = tl.zeros((BLOCK_T, BLOCK_T), dtype=tl.float32)  # of tokens by one another
        for step in range(0, SHARE, BLOCK_K):
            at = split * SHARE + step + columns
            inside = (at < INNER)[None, :]
            x = tl.load(rows + lanes[:, None] * INNER + at[None, :], mask=known & inside, other=0.0)
            for part in tl.static_range(PARTS):
                w = tl.load(
                    function + (part * OUTS + outs)[:, None] * INNER + at[None, :],
                    mask=(outs < OUTS)[:, None] & inside,
                    other=0.0,
                )
                total = tl.dot(w, tl.trans(x), total, input_precision="ieee")
            products = tl.dot(x, tl.trans(x), products, input_precision="ieee")
        to = sums + split * PADDED * length + first
        at = outs[:, None] * length + lanes[None, :]
        there = first + lanes < tokens
        tl.store(to + at, total, mask=(outs < OUTS)[:, None] & there[None, :])
        same = lanes.to(tl.float32)[:, None] == lanes.to(tl.float32)[None, :]
        squares = tl.sum(tl.where(same, products, 0.0), axis=0)
        tl.store(to + OUTS * length + lanes, squares, mask=there)


@triton.jit
def added(
    sums, length, count, PADDED: tl.constexpr, SPLITS: tl.constexpr, ROWS: tl.constexpr,
    BLOCK_T: tl.constexpr,
):  # fmt: skip
    """[ROWS, BLOCK_T]: the splits' sums of ``count`` tokens, zeros beyond."""
    lanes = tl.arange(0, BLOCK_T)[None, :]
    at = tl.arange(0, ROWS)[:, None] * length + lanes
    total = tl.zeros((ROWS, BLOCK_T), dtype=tl.float32)
    for split in range(SPLITS):
        of = sums + split * PADDED * length
        total += tl.load(of + at, mask=lanes < count, other=0.0)
    return total


@triton.jit
def _columns_of(
    streams, weights, token, lane, start, WIDTH: tl.constexpr, STREAMS: tl.constexpr,
    BLOCK_T: tl.constexpr, BLOCK_D: tl.constexpr, OUT: tl.constexpr,
):  # fmt: skip
    """[BLOCK_D] float32 of the streams added up by their weights [n, BLOCK_T], rounded to OUT."""
    columns = start + tl.arange(0, BLOCK_D)
    here = (tl.arange(0, BLOCK_T).to(tl.float32) == tl.cast(lane, tl.float32))[None, :]
    mine = tl.sum(tl.where(here, weights, 0.0), axis=1)
    row = streams + tl.cast(token, tl.int64) * STREAMS * WIDTH
    total = tl.zeros((BLOCK_D,), dtype=tl.float32)
    for stream in tl.static_range(STREAMS):
        x = tl.load(row + stream * WIDTH + columns, mask=columns < WIDTH, other=0.0)
        weight = tl.sum(tl.where(tl.arange(0, STREAMS).to(tl.float32) == stream, mine, 0.0), axis=0)
        total += weight * x.to(tl.float32)
    return total.to(OUT).to(tl.float32)  # as it is between two operators


@triton.jit
def collapse(
    streams, weights, norm_weight, hidden, first, count, norm_eps, WIDTH: tl.constexpr,
    STREAMS: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """``hidden`` of ``count`` tokens: the streams by their weights, normed for the block.

    A row that is wider than a tile is added up twice: for its norm, then to be written."""
    columns = tl.arange(0, BLOCK_D)
    OUT: tl.constexpr = hidden.dtype.element_ty
    for lane in range(count):
        token = first + lane
        parts = tl.zeros((BLOCK_D,), dtype=tl.float32)
        total = parts
        for start in range(0, WIDTH, BLOCK_D):
            total = _columns_of(
                streams, weights, token, lane, start, WIDTH, STREAMS, BLOCK_T, BLOCK_D, OUT
            )
            parts += total * total
        norm = tl.rsqrt(tl.sum(parts, axis=0) / WIDTH + norm_eps)
        for start in range(0, WIDTH, BLOCK_D):
            inside = start + columns < WIDTH
            if WIDTH > BLOCK_D:
                total = _columns_of(
                    streams, weights, token, lane, start, WIDTH, STREAMS, BLOCK_T, BLOCK_D, OUT
                )
            weight = tl.load(norm_weight + start + columns, mask=inside, other=0.0)
            to = hidden + tl.cast(token, tl.int64) * WIDTH + start + columns
            tl.store(to, (weight * (total * norm)).to(OUT), mask=inside)


def split_function(function: torch.Tensor) -> torch.Tensor:
    """[2, m, k] bfloat16 that add up to the float32 weight [m, k] but for 2 ** -17 of it."""
    high = function.bfloat16()
    return torch.stack([high, (function - high.float()).bfloat16()])


def padded(outs: int) -> int:
    """Rows of sums for ``outs`` products and a sum of squares."""
    return max(_SMALLEST, triton.next_power_of_2(outs + 1))


def project(streams: torch.Tensor, function: torch.Tensor) -> torch.Tensor:
    """Sums [splits, padded, length] of streams [T, n, D]; ``length`` is T or more.

    Args:
        function: for bfloat16 streams `split_function`'s parts, or the weight they are split of.
    """
    if function.dim() == 2:
        function = function[None] if streams.dtype == torch.float32 else split_function(function)
    (tokens, inner), outs = streams.flatten(1).shape, function.shape[1]
    blocks = triton.cdiv(tokens, BLOCK_T)
    splits = max(1, min(SPLITS, SPLITS // blocks, triton.cdiv(inner, BLOCK_K)))
    sums = streams.new_empty(splits, padded(outs), blocks * BLOCK_T, dtype=torch.float32)
    project_kernel[grid(blocks * splits, streams.device, "cube")](
        streams, function, sums, tokens, sums.shape[2], INNER=inner, OUTS=outs,
        PADDED=sums.shape[1], PARTS=len(function), SPLITS=splits, BLOCK_T=BLOCK_T, BLOCK_K=BLOCK_K,
    )  # fmt: skip
    return sums
