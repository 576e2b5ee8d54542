# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportOperatorIssue=none
"""mHC after a block: its output and the mixed streams, in one pass over both."""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.reference.deepseek_v4 import mix_out
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of
from inference.kernels.triton_common.streams import mix_columns

_BLOCK_D = 2048


@jit(varying=("tokens",))
def post_kernel(
    streams,  # [T, 4, D]
    output,  # [T, D]
    post,  # [T, 4] float32
    mixing,  # [T, 4, 4] float32
    mixed,  # [T, 4, D]
    tokens,
    WIDTH: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    PARTS: tl.constexpr = triton.cdiv(WIDTH, BLOCK_D)
    for task in range(tl.program_id(0), tokens * PARTS, tl.num_programs(0)):
        token = tl.cast(task // PARTS, tl.int64)
        columns = (task % PARTS) * BLOCK_D + tl.arange(0, BLOCK_D)
        mix_columns(streams, output, post, mixing, mixed, token, columns, WIDTH)


def hyper_connections_post(
    streams: torch.Tensor, output: torch.Tensor, post: torch.Tensor, mixing: torch.Tensor
) -> torch.Tensor:
    """See `mix_out`; all contiguous, four streams."""
    tokens, _, width = streams.shape
    mixed = torch.empty_like(streams)
    if tokens:
        tasks = tokens * triton.cdiv(width, _BLOCK_D)
        post_kernel[grid(tasks, streams.device, "vector")](
            streams, output, post, mixing, mixed, tokens, WIDTH=width, BLOCK_D=_BLOCK_D
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


_SIGNATURE = {
    **dict.fromkeys(("streams", "output", "mixed"), "*bf16"),
    **dict.fromkeys(("post", "mixing"), "*fp32"),
    "tokens": "i32",
}

KERNELS = (
    KernelSpec(
        name="hyper_connections_post",
        does="mHC after a block: its output and the mixed streams",
        run=hyper_connections_post,
        reference=mix_out,
        case=_case,
        shapes={"counted": {"tokens": 3, "width": 3000}},
        compilations=[
            Compilation(post_kernel, _SIGNATURE, {"WIDTH": width, "BLOCK_D": _BLOCK_D})
            for width in (4096, 7168)
        ],
        tolerance=3e-2,
    ),
)
