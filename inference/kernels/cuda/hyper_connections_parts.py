# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none
"""What mHC before a block and mHC after the last layer share: the projection, and the collapse.

The projection is exact in float32 although it runs on bfloat16 matrix units: streams are bfloat16
already, and a float32 weight is the sum of three bfloat16 parts. Few tokens would leave most of
the chip idle, so the inner dimension may be cut into splits whose sums are added later.
"""

import triton
import triton.language as tl

from inference.kernels.triton_common.jit import jit


@triton.constexpr_function
def padded(outs: int) -> int:
    """Numbers that a token's sums take: the products and a sum of squares, as a matrix unit likes
    them; the same on the host."""
    return 32 if outs >= 16 else 16


@triton.jit
def project(
    streams,
    function,
    sums,
    block,
    split,
    tokens,
    INNER: tl.constexpr,
    OUTS: tl.constexpr,
    SPLITS: tl.constexpr,
    BLOCK_T: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """``sums[split, token]``: the OUTS products of a share of the inner dimension, and, after them,
    that share's sum of squares; a row of it is as long as `padded` says."""
    PADDED: tl.constexpr = padded(OUTS)
    SHARE: tl.constexpr = triton.cdiv(triton.cdiv(INNER, SPLITS), BLOCK_K) * BLOCK_K
    rows = (block * BLOCK_T + tl.arange(0, BLOCK_T)).to(tl.int64)
    outs = tl.arange(0, PADDED)
    columns = tl.arange(0, BLOCK_K)
    products = tl.zeros((BLOCK_T, PADDED), dtype=tl.float32)
    squares = tl.zeros((BLOCK_T,), dtype=tl.float32)
    for step in range(0, SHARE, BLOCK_K):
        at = split * SHARE + step + columns
        inside = at[None, :] < INNER
        x = tl.load(
            streams + rows[:, None] * INNER + at[None, :],
            mask=(rows[:, None] < tokens) & inside,
            other=0.0,
        )
        w = tl.load(
            function + outs[:, None] * INNER + at[None, :],
            mask=(outs[:, None] < OUTS) & inside,
            other=0.0,
        )
        wide = x.to(tl.float32)
        squares += tl.sum(wide * wide, axis=1)
        if x.dtype == tl.float32:
            products = tl.dot(x, tl.trans(w), products, input_precision="ieee")
        else:
            high = w.to(tl.bfloat16)
            rest = w - high.to(tl.float32)
            middle = rest.to(tl.bfloat16)
            low = (rest - middle.to(tl.float32)).to(tl.bfloat16)
            products = tl.dot(x, tl.trans(high), products)
            products = tl.dot(x, tl.trans(middle), products)
            products = tl.dot(x, tl.trans(low), products)
    to = sums + (split * tokens + rows) * PADDED
    known = rows < tokens
    tl.store(to[:, None] + outs[None, :], products, mask=known[:, None] & (outs[None, :] < OUTS))
    tl.store(to + OUTS, squares, mask=known)


@triton.jit
def collapse(
    streams,
    sums,
    scale,
    base,
    norm_weight,
    hidden,
    token,
    tokens,
    norm_eps,
    hc_eps,
    WIDTH: tl.constexpr,
    STREAMS: tl.constexpr,
    OUTS: tl.constexpr,
    SPLITS: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    """``hidden[token]``: the streams by their weights, normed for what follows."""
    PADDED: tl.constexpr = padded(OUTS)
    columns = tl.arange(0, BLOCK_D)
    inside = columns < WIDTH
    of = sums + (tl.arange(0, SPLITS) * tokens + token) * PADDED
    norm = tl.rsqrt(tl.sum(tl.load(of + OUTS)) / (STREAMS * WIDTH) + norm_eps)
    total = tl.zeros((BLOCK_D,), dtype=tl.float32)
    for stream in tl.static_range(STREAMS):
        z = tl.sum(tl.load(of + stream)) * norm * tl.load(scale) + tl.load(base + stream)
        weight = 1.0 / (1.0 + tl.exp(-z)) + hc_eps
        row = streams + (token * STREAMS + stream) * WIDTH
        total += weight * tl.load(row + columns, mask=inside, other=0.0).to(tl.float32)
    total = total.to(hidden.dtype.element_ty).to(tl.float32)  # as it is between two operators
    norm = tl.rsqrt(tl.sum(total * total) / WIDTH + norm_eps)
    weight = tl.load(norm_weight + columns, mask=inside, other=0.0)
    tl.store(hidden + token * WIDTH + columns, weight * (total * norm), mask=inside)


@jit(varying=("tokens",))
def project_kernel(
    streams,
    function,
    sums,
    tokens,
    WIDTH: tl.constexpr,
    STREAMS: tl.constexpr,
    OUTS: tl.constexpr,
    SPLITS: tl.constexpr,
    BLOCK_T: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    block, split = tl.program_id(0), tl.program_id(1)
    INNER: tl.constexpr = STREAMS * WIDTH
    project(streams, function, sums, block, split, tokens, INNER, OUTS, SPLITS, BLOCK_T, BLOCK_K)
