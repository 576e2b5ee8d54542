# pyright: reportArgumentType=none, reportAssignmentType=none
# pyright: reportGeneralTypeIssues=none
"""mHC after a block, for a stretch of columns of one token."""

import triton
import triton.language as tl


@triton.jit
def _stream(streams, row, columns, inside, WIDTH: tl.constexpr, STREAM: tl.constexpr):
    x = tl.load(streams + (row + STREAM) * WIDTH + columns, mask=inside, other=0.0)
    return x.to(tl.float32)


@triton.jit
def mix_columns(streams, output, post, mixing, mixed, token, columns, WIDTH: tl.constexpr):
    """``mixed[token, :, columns]`` of four streams; see `reference.deepseek_v4.mix_out`.

    ``token``: int64.
    """
    inside = columns < WIDTH
    y = tl.load(output + token * WIDTH + columns, mask=inside, other=0.0).to(tl.float32)
    row = token * 4
    x0 = _stream(streams, row, columns, inside, WIDTH, 0)
    x1 = _stream(streams, row, columns, inside, WIDTH, 1)
    x2 = _stream(streams, row, columns, inside, WIDTH, 2)
    x3 = _stream(streams, row, columns, inside, WIDTH, 3)
    for to in tl.static_range(4):
        share = mixing + token * 16 + to  # the matrix is applied transposed
        total = tl.load(post + row + to) * y
        total += tl.load(share) * x0 + tl.load(share + 4) * x1
        total += tl.load(share + 8) * x2 + tl.load(share + 12) * x3
        tl.store(mixed + (row + to) * WIDTH + columns, total, mask=inside)
