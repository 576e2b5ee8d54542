# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""Joins what a token's heads found in parts of its keys."""

import triton.language as tl

from inference.kernels.triton_common.jit import jit


@jit(varying=("tokens",))
def merge_kernel(
    parts,  # [T, SPLITS, H, d] float32
    marks,  # [T, SPLITS, 2, H] float32
    out,  # [T, H, d]
    tokens,
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    SPLITS: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    columns = tl.arange(0, BLOCK_D)
    inside = columns < WIDTH
    for task in range(tl.program_id(0), tokens * HEADS, tl.num_programs(0)):
        row, head = tl.cast(task // HEADS, tl.int64), task % HEADS
        most = tl.full((), float("-inf"), tl.float32)
        weights = tl.full((), 0.0, tl.float32)
        total = tl.zeros((BLOCK_D,), tl.float32)
        for split in range(SPLITS):
            part = row * SPLITS + split
            mark = tl.load(marks + part * 2 * HEADS + head)
            above = tl.maximum(most, mark)
            safe = tl.where(above == float("-inf"), 0.0, above)
            before, factor = tl.exp(most - safe), tl.exp(mark - safe)
            weights = weights * before
            weights += tl.load(marks + (part * 2 + 1) * HEADS + head) * factor
            from_part = parts + (part * HEADS + head) * WIDTH
            total = total * before + tl.load(from_part + columns, mask=inside, other=0.0) * factor
            most = above
        total = total / tl.where(weights == 0.0, 1.0, weights)
        to = out + (row * HEADS + head) * WIDTH + columns
        tl.store(to, total.to(out.dtype.element_ty), mask=inside)
