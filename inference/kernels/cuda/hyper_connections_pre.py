# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none
"""mHC before a block: norm, projection, Sinkhorn, collapse and the block's own norm.

Many tokens run as one kernel that reads a tile of streams twice, the second time from the L2 cache.
For few tokens the inner dimension is cut into splits whose sums a second kernel adds.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.hyper_connections_parts import (
    collapse,
    padded,
    project,
    project_kernel,
)
from inference.kernels.cuda.tuning import architecture_of, configuration
from inference.kernels.reference.deepseek_v4_seams import enter_block
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_NAME = "hyper_connections_pre"


@triton.jit
def _mix(
    sums,
    scale,
    base,
    post,
    mixing,
    rows,
    tokens,
    norm_eps,
    hc_eps,
    INNER: tl.constexpr,
    STREAMS: tl.constexpr,
    ITERATIONS: tl.constexpr,
    SPLITS: tl.constexpr,
):
    """``post`` [T, n] and the doubly stochastic ``mixing`` [T, n, n] of ``rows``."""
    OUTS: tl.constexpr = (2 + STREAMS) * STREAMS
    PADDED: tl.constexpr = padded(OUTS)
    n = tl.arange(0, STREAMS)
    known = rows < tokens
    at = n[None, :]
    cell = (n[:, None] * STREAMS + n[None, :])[None, :, :]
    of = sums + (tl.arange(0, SPLITS)[:, None] * tokens + rows[None, :]) * PADDED
    squares = tl.sum(tl.load(of + OUTS, mask=known[None, :], other=0.0), axis=0)
    norm = tl.rsqrt(squares / INNER + norm_eps)
    z = tl.load(of[:, :, None] + STREAMS + at[None], mask=known[None, :, None], other=0.0)
    z = tl.sum(z, axis=0) * norm[:, None] * tl.load(scale + 1)
    z += tl.load(base + STREAMS + n)[None, :]
    to = post + rows[:, None] * STREAMS + at
    tl.store(to, 2.0 / (1.0 + tl.exp(-z)), mask=known[:, None])
    whole = of[:, :, None, None] + 2 * STREAMS + cell[None]
    square = tl.sum(tl.load(whole, mask=known[None, :, None, None], other=0.0), axis=0)
    square = square * norm[:, None, None] * tl.load(scale + 2)
    square += tl.load(base + 2 * STREAMS + cell)
    square = tl.exp(square - tl.max(square, axis=2)[:, :, None])
    square = square / tl.sum(square, axis=2)[:, :, None] + hc_eps
    square = square / (tl.sum(square, axis=1)[:, None, :] + hc_eps)
    for _ in range(ITERATIONS - 1):  # Sinkhorn-Knopp: rows and columns add up to one
        square = square / (tl.sum(square, axis=2)[:, :, None] + hc_eps)
        square = square / (tl.sum(square, axis=1)[:, None, :] + hc_eps)
    to = mixing + rows[:, None, None] * (STREAMS * STREAMS) + cell
    tl.store(to, square, mask=known[:, None, None])


@jit(varying=("tokens",))
def finish_kernel(
    streams,
    sums,
    scale,
    base,
    norm_weight,
    hidden,
    post,
    mixing,
    tokens,
    norm_eps,
    hc_eps,
    WIDTH: tl.constexpr,
    STREAMS: tl.constexpr,
    ITERATIONS: tl.constexpr,
    SPLITS: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    token = tl.program_id(0).to(tl.int64)
    rows = token + tl.arange(0, 1)
    INNER: tl.constexpr = STREAMS * WIDTH
    _mix(
        sums, scale, base, post, mixing, rows, tokens, norm_eps, hc_eps,
        INNER, STREAMS, ITERATIONS, SPLITS,
    )  # fmt: skip
    collapse(
        streams, sums, scale, base, norm_weight, hidden, token, tokens, norm_eps, hc_eps,
        WIDTH, STREAMS, (2 + STREAMS) * STREAMS, SPLITS, BLOCK_D,
    )  # fmt: skip


@jit(varying=("tokens",))
def pre_kernel(
    streams,
    function,
    sums,
    scale,
    base,
    norm_weight,
    hidden,
    post,
    mixing,
    tokens,
    norm_eps,
    hc_eps,
    WIDTH: tl.constexpr,
    STREAMS: tl.constexpr,
    ITERATIONS: tl.constexpr,
    BLOCK_T: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    block = tl.program_id(0)
    INNER: tl.constexpr = STREAMS * WIDTH
    OUTS: tl.constexpr = (2 + STREAMS) * STREAMS
    project(streams, function, sums, block, 0, tokens, INNER, OUTS, 1, BLOCK_T, BLOCK_K)
    tl.debug_barrier()  # what this program's other threads wrote is read below
    rows = (block * BLOCK_T + tl.arange(0, BLOCK_T)).to(tl.int64)
    _mix(
        sums, scale, base, post, mixing, rows, tokens, norm_eps, hc_eps,
        INNER, STREAMS, ITERATIONS, 1,
    )  # fmt: skip
    first = (block * BLOCK_T).to(tl.int64)
    for token in range(first, tl.minimum(first + BLOCK_T, tokens)):
        collapse(
            streams, sums, scale, base, norm_weight, hidden, token, tokens, norm_eps, hc_eps,
            WIDTH, STREAMS, OUTS, 1, BLOCK_D,
        )  # fmt: skip


def hyper_connections_pre(
    streams: torch.Tensor,
    function: torch.Tensor,
    scale: torch.Tensor,
    base: torch.Tensor,
    norm_weight: torch.Tensor,
    *,
    iterations: int,
    hc_eps: float,
    norm_eps: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """See `enter_block`. ``streams`` contiguous, bfloat16 or float32; n a power of two."""
    tokens, count, width = streams.shape
    hidden = streams.new_empty(tokens, width)
    post = streams.new_empty(tokens, count, dtype=torch.float32)
    mixing = streams.new_empty(tokens, count, count, dtype=torch.float32)
    if not tokens:
        return hidden, post, mixing
    chosen = configuration(_NAME, architecture_of(streams.device), tokens)
    splits = chosen.get("SPLITS", 1)
    outs = (2 + count) * count
    sums = streams.new_empty(splits, tokens, padded(outs), dtype=torch.float32)
    blocks = triton.cdiv(tokens, chosen["BLOCK_T"])
    shape = {"WIDTH": width, "STREAMS": count}
    block_d = triton.next_power_of_2(width)
    ends = (scale, base, norm_weight, hidden, post, mixing, tokens, norm_eps, hc_eps)
    if "SPLITS" not in chosen:
        pre_kernel[(blocks,)](
            streams,
            function,
            sums,
            *ends,
            ITERATIONS=iterations,
            BLOCK_D=block_d,
            **shape,
            **chosen,
        )
    else:
        project_kernel[(blocks, splits)](
            streams, function, sums, tokens, OUTS=outs, **shape, **chosen
        )
        finish_kernel[(tokens,)](
            streams, sums, *ends, ITERATIONS=iterations, SPLITS=splits, BLOCK_D=block_d, **shape,
            num_warps=_FINISH_WARPS,
        )  # fmt: skip
    return hidden, post, mixing


_FINISH_WARPS = 8


def _case(device: torch.device, *, tokens: int, width: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    streams, function = draw(tokens, 4, width).bfloat16(), draw(24, 4 * width) * width**-0.5
    scale, base, weight = draw(3), draw(24), draw(width)
    arguments = {
        "streams": streams,
        "function": function,
        "scale": scale,
        "base": base,
        "norm_weight": weight,
        "iterations": 20,
        "hc_eps": 1e-6,
        "norm_eps": 1e-6,
    }
    return Case(
        arguments,
        floor_bytes=bytes_of(streams, function, scale, base, weight)
        + tokens * (2 * width + 4 * (4 + 16)),
        operations=tokens * width * 4 * (2 * 24 + 2 + 2),
    )


_POINTERS = {
    "scale": "*fp32",
    "base": "*fp32",
    "norm_weight": "*fp32",
    "hidden": "*bf16",
    "post": "*fp32",
    "mixing": "*fp32",
    "tokens": "i32",
    "norm_eps": "fp32",
    "hc_eps": "fp32",
}
_INPUTS = {"streams": "*bf16", "function": "*fp32", "sums": "*fp32"}


def _compilations(width: int) -> list[Compilation]:
    """For few tokens and for many, in a model of this hidden width."""
    shape = {"WIDTH": width, "STREAMS": 4}
    ends = {**shape, "ITERATIONS": 20, "BLOCK_D": triton.next_power_of_2(width)}
    return [
        Compilation(
            project_kernel,
            {**_INPUTS, "tokens": "i32"},
            {**shape, "OUTS": 24},
            tuned=_NAME,
            rows=16,
        ),
        Compilation(
            finish_kernel,
            {"streams": "*bf16", "sums": "*fp32", **_POINTERS},
            {**ends, "SPLITS": 16, "num_warps": _FINISH_WARPS},
        ),
        Compilation(pre_kernel, {**_INPUTS, **_POINTERS}, ends, tuned=_NAME, rows=4096),
    ]


KERNELS = (
    KernelSpec(
        name=_NAME,
        does="mHC before a block: norm, projection, Sinkhorn, collapse, the block's norm",
        run=hyper_connections_pre,
        reference=enter_block,
        case=_case,
        shapes={
            "counted": {"tokens": 5, "width": 2000},
            "decode": {"tokens": 64, "width": 4096},
            "prefill": {"tokens": 4096, "width": 4096},
        },
        compilations=[*_compilations(4096), *_compilations(7168)],
        tolerance=1e-2,
    ),
)
