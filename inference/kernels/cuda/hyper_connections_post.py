# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none
"""mHC after a block: its output and the mixed streams, in one pass over both."""

import torch
import triton
import triton.language as tl

from inference.kernels.reference.deepseek_v4 import mix_out
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of
from inference.kernels.triton_common.streams import mix_columns

_BLOCK_D, _WARPS = 1024, 4


@triton.jit
def post_kernel(
    streams,  # [T, 4, D]
    output,  # [T, D]
    post,  # [T, 4] float32
    mixing,  # [T, 4, 4] float32
    mixed,  # [T, 4, D]
    WIDTH: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    token = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    mix_columns(streams, output, post, mixing, mixed, token, columns, WIDTH)


def hyper_connections_post(
    streams: torch.Tensor, output: torch.Tensor, post: torch.Tensor, mixing: torch.Tensor
) -> torch.Tensor:
    """See `mix_out`; all contiguous, four streams."""
    tokens, _, width = streams.shape
    mixed = torch.empty_like(streams)
    if tokens:
        grid = (tokens, triton.cdiv(width, _BLOCK_D))
        post_kernel[grid](
            streams, output, post, mixing, mixed, WIDTH=width, BLOCK_D=_BLOCK_D, num_warps=_WARPS
        )
    return mixed


def _case(device: torch.device, *, tokens: int, width: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    streams = torch.randn(tokens, 4, width, device=device, generator=generator).bfloat16()
    output = torch.randn(tokens, width, device=device, generator=generator).bfloat16()
    post = torch.rand(tokens, 4, device=device, generator=generator) * 2
    mixing = torch.rand(tokens, 4, 4, device=device, generator=generator) / 4
    return Case(
        {"streams": streams, "output": output, "post": post, "mixing": mixing},
        floor_bytes=2 * bytes_of(streams) + bytes_of(output, post, mixing),
        operations=tokens * width * 4 * 10,
    )


KERNELS = (
    KernelSpec(
        name="hyper_connections_post",
        does="mHC after a block: its output and the mixed streams",
        run=hyper_connections_post,
        reference=mix_out,
        case=_case,
        shapes={
            "counted": {"tokens": 3, "width": 4096},
            "decode": {"tokens": 64, "width": 4096},
            "prefill": {"tokens": 4096, "width": 4096},
        },
        compilations=[
            Compilation(
                post_kernel,
                {
                    "streams": "*bf16",
                    "output": "*bf16",
                    "post": "*fp32",
                    "mixing": "*fp32",
                    "mixed": "*bf16",
                },
                {"WIDTH": width, "BLOCK_D": _BLOCK_D, "num_warps": _WARPS},
            )
            for width in (4096, 7168)
        ],
        tolerance=3e-2,
    ),
)
