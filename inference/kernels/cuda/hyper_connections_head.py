# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
"""mHC after the last layer: norm, projection, collapse and the norm before the output head."""

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.hyper_connections_parts import collapse, padded, project_kernel
from inference.kernels.cuda.tuning import architecture_of, configuration
from inference.kernels.reference.deepseek_v4_seams import leave_streams
from inference.kernels.triton_common.cases import head_case
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Compilation, KernelSpec

_NAME, _WARPS = "hyper_connections_head", 8


@jit(varying=("tokens",))
def leave_kernel(
    streams,  # [T, STREAMS, WIDTH]
    sums,  # [SPLITS, T, 16] float32, as `project_kernel` leaves them
    scale,  # [1] float32
    base,  # [STREAMS] float32
    norm_weight,  # [WIDTH] float32
    hidden,  # [T, WIDTH]
    tokens,
    norm_eps,
    hc_eps,
    WIDTH: tl.constexpr,
    STREAMS: tl.constexpr,
    SPLITS: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    token = tl.program_id(0).to(tl.int64)
    collapse(
        streams, sums, scale, base, norm_weight, hidden, token, tokens, norm_eps, hc_eps,
        WIDTH, STREAMS, STREAMS, SPLITS, BLOCK_D,
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
    """See `leave_streams`. ``streams`` contiguous, bfloat16 or float32; n a power of two."""
    tokens, count, width = streams.shape
    hidden = streams.new_empty(tokens, width)
    if not tokens:
        return hidden
    chosen = configuration(_NAME, architecture_of(streams.device), tokens)
    splits, shape = chosen["SPLITS"], {"WIDTH": width, "STREAMS": count}
    sums = streams.new_empty(splits, tokens, padded(count), dtype=torch.float32)
    project_kernel[(triton.cdiv(tokens, chosen["BLOCK_T"]), splits)](
        streams, function, sums, tokens, OUTS=count, **shape, **chosen
    )
    leave_kernel[(tokens,)](
        streams,
        sums,
        scale,
        base,
        norm_weight,
        hidden,
        tokens,
        norm_eps,
        hc_eps,
        SPLITS=splits,
        BLOCK_D=triton.next_power_of_2(width),
        num_warps=_WARPS,
        **shape,
    )
    return hidden


def _compilations(width: int) -> list[Compilation]:
    shape = {"WIDTH": width, "STREAMS": 4}
    inputs = {"streams": "*bf16", "sums": "*fp32", "tokens": "i32"}
    ends = dict.fromkeys(("scale", "base", "norm_weight"), "*fp32")
    ends |= {"hidden": "*bf16", "norm_eps": "fp32", "hc_eps": "fp32"}
    return [
        Compilation(
            project_kernel,
            {**inputs, "function": "*fp32"},
            {**shape, "OUTS": 4},
            tuned=_NAME,
            rows=16,
        ),
        Compilation(
            leave_kernel,
            {**inputs, **ends},
            {
                **shape,
                "SPLITS": 16,
                "BLOCK_D": triton.next_power_of_2(width),
                "num_warps": _WARPS,
            },
        ),
    ]


KERNELS = (
    KernelSpec(
        name=_NAME,
        does="mHC after the last layer: norm, projection, collapse, the last norm",
        run=hyper_connections_head,
        reference=leave_streams,
        case=head_case,
        shapes={
            "counted": {"tokens": 1, "width": 2000},
            "decode": {"tokens": 64, "width": 4096},
            "prefill": {"tokens": 4096, "width": 4096},
        },
        compilations=[*_compilations(4096), *_compilations(7168)],
        tolerance=1e-2,
    ),
)
