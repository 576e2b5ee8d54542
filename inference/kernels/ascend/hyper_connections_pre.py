# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""mHC before a block: norm, projection, Sinkhorn, collapse and the block's own norm.

Cube cores project, vector cores do the rest. A cube takes its operands from global memory alone, so
the float32 weight comes in two bfloat16 parts that were split before (`split_function`), and sums
of squares are products too: no tile is converted on its way. Sums are written with tokens along the
last axis, so that Sinkhorn's sums over four are sums of whole vectors.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.reference.deepseek_v4_seams import enter_block
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_BLOCK_T, _BLOCK_K = 16, 256  # 512 bytes of bfloat16
_SPLITS = 16  # of the inner dimension where tokens are too few for all cores
_FEW, _MANY = 8, 32  # tokens side by side in a vector
_COLUMNS = 4096


@jit(varying=("tokens", "length"))
def project_kernel(
    streams,  # [T, INNER]
    function,  # [PARTS, (2 + n) n, INNER]
    sums,  # [SPLITS, 2 n n, length] float32: (2 + n) n products, then the sum of squares
    tokens,
    length,
    INNER: tl.constexpr,
    STREAMS: tl.constexpr,
    PARTS: tl.constexpr,
    SPLITS: tl.constexpr,
    BLOCK_T: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    OUTS: tl.constexpr = (2 + STREAMS) * STREAMS
    PADDED: tl.constexpr = 2 * STREAMS * STREAMS
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
def _added(
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
def _doubly_stochastic(square, hc_eps, ITERATIONS: tl.constexpr):
    """[n, n, BLOCK_T] logits to a matrix for each token whose rows and columns add up to one."""
    square = tl.exp(square - tl.max(square, axis=1)[:, None, :])
    square = square / tl.sum(square, axis=1)[:, None, :] + hc_eps
    square = square / (tl.sum(square, axis=0)[None, :, :] + hc_eps)
    for _ in range(ITERATIONS - 1):  # Sinkhorn-Knopp
        square = square / (tl.sum(square, axis=1)[:, None, :] + hc_eps)
        square = square / (tl.sum(square, axis=0)[None, :, :] + hc_eps)
    return square


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
def _collapse(
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
    BLOCK_T: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    INNER: tl.constexpr = STREAMS * WIDTH
    CELLS: tl.constexpr = STREAMS * STREAMS
    PADDED: tl.constexpr = 2 * CELLS
    n, cells = tl.arange(0, STREAMS), tl.arange(0, CELLS)
    lanes = tl.arange(0, BLOCK_T)
    for task in range(tl.program_id(0), tl.cdiv(tokens, each), tl.num_programs(0)):
        first = task * each
        count = tl.minimum(each, tokens - first)
        of = sums + first
        squares = of + (2 + STREAMS) * STREAMS * length
        squares = _added(squares, length, count, PADDED, SPLITS, 1, BLOCK_T)
        norm = tl.rsqrt(squares / INNER + norm_eps)
        z = _added(of, length, count, PADDED, SPLITS, STREAMS, BLOCK_T) * norm
        z = z * tl.load(scale) + tl.load(base + n)[:, None]
        weights = 1.0 / (1.0 + tl.exp(-z)) + hc_eps
        of += STREAMS * length
        z = _added(of, length, count, PADDED, SPLITS, STREAMS, BLOCK_T) * norm
        z = z * tl.load(scale + 1) + tl.load(base + STREAMS + n)[:, None]
        to = post + first * STREAMS + lanes[:, None] * STREAMS + n[None, :]
        tl.store(to, tl.trans(2.0 / (1.0 + tl.exp(-z))), mask=(lanes < count)[:, None])
        of += STREAMS * length
        z = _added(of, length, count, PADDED, SPLITS, CELLS, BLOCK_T) * norm
        z = z * tl.load(scale + 2) + tl.load(base + 2 * STREAMS + cells)[:, None]
        square = tl.reshape(z, (STREAMS, STREAMS, BLOCK_T))
        square = _doubly_stochastic(square, hc_eps, ITERATIONS)
        to = mixing + first * CELLS + lanes[:, None] * CELLS + cells[None, :]
        square = tl.trans(tl.reshape(square, (CELLS, BLOCK_T)))
        tl.store(to, square, mask=(lanes < count)[:, None])
        _collapse(
            streams, weights, norm_weight, hidden, first, count, norm_eps,
            WIDTH, STREAMS, BLOCK_T, BLOCK_D,
        )  # fmt: skip


def split_function(function: torch.Tensor) -> torch.Tensor:
    """[2, m, k] bfloat16 that add up to the float32 weight [m, k] but for 2 ** -17 of it."""
    high = function.bfloat16()
    return torch.stack([high, (function - high.float()).bfloat16()])


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
    if function.dim() == 2:
        function = function[None] if streams.dtype == torch.float32 else split_function(function)
    blocks, device = triton.cdiv(tokens, _BLOCK_T), streams.device
    splits = max(1, min(_SPLITS, _SPLITS // blocks, triton.cdiv(count * width, _BLOCK_K)))
    sums = streams.new_empty(splits, 2 * count**2, blocks * _BLOCK_T, dtype=torch.float32)
    shape = {"STREAMS": count, "SPLITS": splits}
    project_kernel[grid(blocks * splits, device, "cube")](
        streams, function, sums, tokens, sums.shape[2], INNER=count * width, PARTS=len(function),
        BLOCK_T=_BLOCK_T, BLOCK_K=_BLOCK_K, **shape,
    )  # fmt: skip
    lanes = _FEW if tokens <= _FEW * grid(tokens, device, "vector")[0] else _MANY
    each = min(lanes, triton.cdiv(tokens, grid(tokens, device, "vector")[0]))
    finish_kernel[grid(triton.cdiv(tokens, each), device, "vector")](
        streams, sums, scale, base, norm_weight, hidden, post, mixing, tokens, sums.shape[2], each,
        norm_eps, hc_eps, WIDTH=width, ITERATIONS=iterations, BLOCK_T=lanes,
        BLOCK_D=min(_COLUMNS, triton.next_power_of_2(width)), **shape,
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
    return [
        Compilation(
            function,
            {name: kind for name, kind in signature.items() if name in function.arg_names},
            {**shape, **blocks},
        )
        for function, blocks in (
            (project_kernel, {"SPLITS": _SPLITS, "BLOCK_T": _BLOCK_T, "BLOCK_K": _BLOCK_K}),
            (finish_kernel, {"SPLITS": _SPLITS, "BLOCK_T": _FEW, "BLOCK_D": _COLUMNS}),
            (finish_kernel, {"SPLITS": 1, "BLOCK_T": _MANY, "BLOCK_D": _COLUMNS}),
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
