# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""mHC before a block: norm, projection, Sinkhorn, collapse and the block's own norm.

Tokens lie along the last axis, so that Sinkhorn's sums over four are sums of whole vectors.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.ascend.hyper_connections_parts import (
    BLOCK_K,
    BLOCK_T,
    COLUMNS,
    SPLITS,
    added,
    collapse,
    padded,
    project,
    project_kernel,
)
from inference.kernels.reference.deepseek_v4_seams import enter_block
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_FEW, _MANY = 8, 32  # tokens side by side in a vector


@triton.jit
def _doubly_stochastic(square, hc_eps, ITERATIONS: tl.constexpr):
    """[n, n, BLOCK_T] logits to a matrix for each token whose rows and columns add up to one."""
    square = tl.exp(square - tl.max(square, axis=1)[:, None, :])
    square = square / tl.sum(square, axis=1)[:, None, :] + hc_eps
    square = square / (tl.sum(square, axis=0)[None, :, :] + hc_eps)
    for _ in range(ITERATIONS - 1):  # Sinkhorn-Knopp
        square = square / (tl.sum(square, axis=1)[:, None, :] + hc_eps)
        square = square / (tl.sum(square, axis=0)[None, :, :] + hc_eps)
    return square


@jit(varying=("tokens", "length", "each"))
def finish_kernel(
    streams,  # [T, n, D]
    sums,  # [SPLITS, 2 n n, length] float32
    scale,
    base,
    norm_weight,
    hidden,  # [T, D]
    post,  # [T, n] float32
    mixing,  # [T, n, n] float32
    tokens,
    length,
    each,  # tokens of a task, BLOCK_T at the most
    norm_eps,
    hc_eps,
    WIDTH: tl.constexpr,
    STREAMS: tl.constexpr,
    ITERATIONS: tl.constexpr,
    SPLITS: tl.constexpr,
    PADDED: tl.constexpr,
    BLOCK_T: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    INNER: tl.constexpr = STREAMS * WIDTH
    CELLS: tl.constexpr = STREAMS * STREAMS
    n, cells = tl.arange(0, STREAMS), tl.arange(0, CELLS)
    lanes = tl.arange(0, BLOCK_T)
    for task in range(tl.program_id(0), tl.cdiv(tokens, each), tl.num_programs(0)):
        first = task * each
        count = tl.minimum(each, tokens - first)
        of = sums + first
        squares = of + (2 + STREAMS) * STREAMS * length
        squares = added(squares, length, count, PADDED, SPLITS, 1, BLOCK_T)
        norm = tl.rsqrt(squares / INNER + norm_eps)
        z = added(of, length, count, PADDED, SPLITS, STREAMS, BLOCK_T) * norm
        z = z * tl.load(scale) + tl.load(base + n)[:, None]
        weights = 1.0 / (1.0 + tl.exp(-z)) + hc_eps
        of += STREAMS * length
        z = added(of, length, count, PADDED, SPLITS, STREAMS, BLOCK_T) * norm
        z = z * tl.load(scale + 1) + tl.load(base + STREAMS + n)[:, None]
        to = post + first * STREAMS + lanes[:, None] * STREAMS + n[None, :]
        tl.store(to, tl.trans(2.0 / (1.0 + tl.exp(-z))), mask=(lanes < count)[:, None])
        of += STREAMS * length
        z = added(of, length, count, PADDED, SPLITS, CELLS, BLOCK_T) * norm
        z = z * tl.load(scale + 2) + tl.load(base + 2 * STREAMS + cells)[:, None]
        square = tl.reshape(z, (STREAMS, STREAMS, BLOCK_T))
        square = _doubly_stochastic(square, hc_eps, ITERATIONS)
        to = mixing + first * CELLS + lanes[:, None] * CELLS + cells[None, :]
        square = tl.trans(tl.reshape(square, (CELLS, BLOCK_T)))
        tl.store(to, square, mask=(lanes < count)[:, None])
        collapse(
            streams, weights, norm_weight, hidden, first, count, norm_eps,
            WIDTH, STREAMS, BLOCK_T, BLOCK_D,
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
    """See `enter_block`. ``streams`` contiguous, bfloat16 or float32; n a power of two.

    Args:
        function: for bfloat16 streams `split_function`'s parts, or the weight they are split of.
    """
    tokens, count, width = streams.shape
    hidden = streams.new_empty(tokens, width)
    post = streams.new_empty(tokens, count, dtype=torch.float32)
    mixing = streams.new_empty(tokens, count, count, dtype=torch.float32)
    if not tokens:
        return hidden, post, mixing
    sums, device = project(streams, function), streams.device
    lanes = _FEW if tokens <= _FEW * grid(tokens, device, "vector")[0] else _MANY
    each = min(lanes, triton.cdiv(tokens, grid(tokens, device, "vector")[0]))
    finish_kernel[grid(triton.cdiv(tokens, each), device, "vector")](
        streams, sums, scale, base, norm_weight, hidden, post, mixing, tokens, sums.shape[2], each,
        norm_eps, hc_eps, WIDTH=width, ITERATIONS=iterations, BLOCK_T=lanes,
        BLOCK_D=min(COLUMNS, triton.next_power_of_2(width)), STREAMS=count, SPLITS=len(sums),
        PADDED=sums.shape[1],
    )  # fmt: skip
    return hidden, post, mixing


def _compilations(width: int) -> list[Compilation]:
    """For few tokens and for many, in a model of this hidden width."""
    numbers = {"tokens": "i32", "length": "i32", "norm_eps": "fp32", "hc_eps": "fp32"}
    floats = dict.fromkeys(("scale", "base", "norm_weight", "post", "mixing", "sums"), "*fp32")
    signature = {
        **dict.fromkeys(("streams", "function", "hidden"), "*bf16"), **floats, **numbers,
        "each": "i32",
    }  # fmt: skip
    shape = {"INNER": 4 * width, "WIDTH": width, "STREAMS": 4, "PARTS": 2, "ITERATIONS": 20}
    shape |= {"OUTS": 24, "PADDED": padded(24)}
    return [
        Compilation(
            function,
            {name: kind for name, kind in signature.items() if name in function.arg_names},
            {**shape, **blocks},
        )
        for function, blocks in (
            (project_kernel, {"SPLITS": SPLITS, "BLOCK_T": BLOCK_T, "BLOCK_K": BLOCK_K}),
            (finish_kernel, {"SPLITS": SPLITS, "BLOCK_T": _FEW, "BLOCK_D": COLUMNS}),
            (finish_kernel, {"SPLITS": 1, "BLOCK_T": _MANY, "BLOCK_D": COLUMNS}),
        )
    ]


def _case(device: torch.device, *, tokens: int, width: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    arguments = {
        "streams": draw(tokens, 4, width).bfloat16(),
        "function": draw(24, 4 * width) * width**-0.5,
        "scale": draw(3),
        "base": draw(24),
        "norm_weight": draw(width),
    }
    floor = bytes_of(*arguments.values()) + tokens * (2 * width + 4 * (4 + 16))
    options = {"iterations": 20, "hc_eps": 1e-6, "norm_eps": 1e-6}
    return Case(arguments | options, floor, operations=tokens * width * 4 * (2 * 24 + 2 + 2))


KERNELS = (
    KernelSpec(
        name="hyper_connections_pre",
        does="mHC before a block: norm, projection, Sinkhorn, collapse, the block's norm",
        run=hyper_connections_pre,
        reference=enter_block,
        case=_case,
        shapes={"counted": {"tokens": 5, "width": 500}},
        compilations=[*_compilations(4096), *_compilations(7168)],
        tolerance=1e-2,
    ),
)
