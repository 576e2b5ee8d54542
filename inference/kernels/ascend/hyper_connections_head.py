# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportOperatorIssue=none
"""mHC after the last layer: norm, projection, collapse and the norm before the output head."""

from functools import partial

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
from inference.kernels.reference.deepseek_v4_seams import leave_streams
from inference.kernels.triton_common.cases import head_case
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Compilation, KernelSpec

_LANES = 8  # tokens side by side in a vector


@jit(varying=("tokens", "length", "each"))
def leave_kernel(
    streams,  # [T, STREAMS, WIDTH]
    sums,  # [SPLITS, PADDED, length] float32, as `project` leaves them
    scale,  # [1] float32
    base,  # [STREAMS] float32
    norm_weight,  # [WIDTH] float32
    hidden,  # [T, WIDTH]
    tokens,
    length,
    each,  # tokens of a task, BLOCK_T at the most
    norm_eps,
    hc_eps,
    WIDTH: tl.constexpr,
    STREAMS: tl.constexpr,
    SPLITS: tl.constexpr,
    PADDED: tl.constexpr,
    BLOCK_T: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    n = tl.arange(0, STREAMS)
    for task in range(tl.program_id(0), tl.cdiv(tokens, each), tl.num_programs(0)):
        first = task * each
        count = tl.minimum(each, tokens - first)
        squares = sums + first + STREAMS * length
        squares = added(squares, length, count, PADDED, SPLITS, 1, BLOCK_T)
        norm = tl.rsqrt(squares / (STREAMS * WIDTH) + norm_eps)
        z = added(sums + first, length, count, PADDED, SPLITS, STREAMS, BLOCK_T) * norm
        z = z * tl.load(scale) + tl.load(base + n)[:, None]
        weights = 1.0 / (1.0 + tl.exp(-z)) + hc_eps
        collapse(
            streams, weights, norm_weight, hidden, first, count, norm_eps,
            WIDTH, STREAMS, BLOCK_T, BLOCK_D,
        )  # fmt: skip


def hyper_connections_head(
    streams: torch.Tensor,
    function: torch.Tensor,
    scale: torch.Tensor,
    base: torch.Tensor,
    norm_weight: torch.Tensor,
    *,
    hc_eps: float,
    norm_eps: float,
) -> torch.Tensor:
    """See `leave_streams`. ``streams`` contiguous, bfloat16 or float32; n a power of two.

    Args:
        function: as of `hyper_connections_pre`.
    """
    tokens, count, width = streams.shape
    hidden = streams.new_empty(tokens, width)
    if not tokens:
        return hidden
    sums, device = project(streams, function), streams.device
    each = min(_LANES, triton.cdiv(tokens, grid(tokens, device, "vector")[0]))
    leave_kernel[grid(triton.cdiv(tokens, each), device, "vector")](
        streams, sums, scale, base, norm_weight, hidden, tokens, sums.shape[2], each, norm_eps,
        hc_eps, WIDTH=width, STREAMS=count, SPLITS=len(sums), PADDED=sums.shape[1],
        BLOCK_T=_LANES, BLOCK_D=min(COLUMNS, triton.next_power_of_2(width)),
    )  # fmt: skip
    return hidden


def _compilations(width: int) -> list[Compilation]:
    """Tokens few enough for the inner dimension to be cut, and so many that it is not."""
    floats = dict.fromkeys(("scale", "base", "norm_weight", "sums"), "*fp32")
    signature = {
        **dict.fromkeys(("streams", "function", "hidden"), "*bf16"), **floats,
        **dict.fromkeys(("tokens", "length", "each"), "i32"), "norm_eps": "fp32", "hc_eps": "fp32",
    }  # fmt: skip
    shape = {"INNER": 4 * width, "WIDTH": width, "STREAMS": 4, "OUTS": 4, "PADDED": padded(4)}
    return [
        Compilation(
            function,
            {name: kind for name, kind in signature.items() if name in function.arg_names},
            {**shape, "SPLITS": splits, **blocks},
        )
        for splits in (SPLITS, 1)
        for function, blocks in (
            (project_kernel, {"PARTS": 2, "BLOCK_T": BLOCK_T, "BLOCK_K": BLOCK_K}),
            (leave_kernel, {"BLOCK_T": _LANES, "BLOCK_D": COLUMNS}),
        )
    ]


KERNELS = (
    KernelSpec(
        name="hyper_connections_head",
        does="mHC after the last layer: norm, projection, collapse, the last norm",
        run=hyper_connections_head,
        reference=leave_streams,
        case=partial(head_case, reads=2),  # by the cube, then by vectors
        shapes={"counted": {"tokens": 1, "width": 500}},
        compilations=[*_compilations(4096), *_compilations(7168)],
        tolerance=1e-2,
    ),
)
