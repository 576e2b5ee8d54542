# pyright: reportArgumentType=none, reportAttributeAccessIssue=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""Tiles of experts' weights as bfloat16 for `tl.dot`, in vector code that compares no integers.

The cube of A2 and A3 multiplies no FP8 and no FP4, and comparisons of integers are no vector
instructions: codes are read as numbers and taken apart by arithmetic. Weights lie [in, out] and of
4 bits in planes (`packing`), so no tile is turned and nothing within one is moved.
"""

import triton.language as tl

from inference.kernels.triton_common.jit import jit

GROUP = tl.constexpr(32)  # inputs that share a scale in MXFP4, INT8 and INT4


@jit
def spread(values, SIZE: tl.constexpr):
    """Each row of [G, N] ``SIZE`` times: [G * SIZE, N]."""
    wide = tl.broadcast_to(values[:, None, :], (values.shape[0], SIZE, values.shape[1]))
    return tl.reshape(wide, (values.shape[0] * SIZE, values.shape[1]))


@jit
def decode_e2m1(code):
    """Numbers of codes 0 to 15, as float16: 0, 0.5, 1, 1.5, 2, 3, 4, 6, and those negative."""
    negative = tl.floor(code.to(tl.float32) * 0.125).to(tl.float16)
    size = code - negative * 8.0
    value = size * 0.5 + tl.maximum(size - 4.0, 0.0) * 0.5 + tl.maximum(size - 6.0, 0.0)
    return value * (1.0 - 2.0 * negative)


@jit
def decode_e4m3(code):
    """float32 of codes that are numbers; float16 has sign, exponent and digits in their order."""
    wide = code.to(tl.int16)
    half = (((wide & 0x80) << 8) | ((wide & 0x7F) << 7)).to(tl.float16, bitcast=True)
    return half.to(tl.float32) * 256.0


@jit
def scale_number(scale):
    """float32; bytes are E8M0, of which 2 ** -127 is 0."""
    if scale.dtype == tl.uint8:
        number = (scale.to(tl.int32) << 23).to(tl.float32, bitcast=True)
    else:
        number = scale.to(tl.float32)
    return number


@jit
def tile_of(numbers, row, rows, column, columns, stride):
    """[R, C] of a matrix of ``rows`` and ``columns``; 0 outside."""
    return tl.load(
        numbers + row[:, None] * stride + column[None, :],
        mask=(row < rows)[:, None] & (column < columns)[None, :],
        other=0,
    )


@jit
def group_values(values, expert, at, width, column, end, out, BLOCK_K: tl.constexpr):
    """float32 [BLOCK_K, N]: of each weight its group's."""
    groups = tl.cdiv(width, GROUP)
    row = at // GROUP + tl.arange(0, BLOCK_K // GROUP)
    found = tile_of(values + expert * groups * out, row, groups, column, end, out)
    return spread(scale_number(found), GROUP)


@jit
def whole_tile(
    codes,
    scales,
    expert,
    at,
    width,
    column,
    end,
    out,
    block,
    FORM: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """Weights [BLOCK_K, N] of a format that has a number in each element."""
    place = codes + expert * width * out
    tile = tile_of(place, at + tl.arange(0, BLOCK_K), width, column, end, out)
    if FORM == "int8":
        steps = group_values(scales, expert, at, width, column, end, out, BLOCK_K)
        weights = (tile.to(tl.float32) * steps).to(tl.bfloat16)
    elif FORM == "fp8":
        step = tl.load(scales + block * tl.cdiv(width, 128) + at // 128)
        weights = (decode_e4m3(tile) * scale_number(step)).to(tl.bfloat16)
    else:
        weights = tile
    return weights


@jit
def low_and_high(
    codes,
    expert,
    at,
    width,
    column,
    end,
    out,
    PLANE: tl.constexpr,
):
    """Codes of inputs from ``at`` and from ``at + PLANE``, float16 [PLANE, N] each."""
    rows = tl.cdiv(width, 2 * PLANE) * PLANE
    place = codes + expert * rows * out
    tile = tile_of(place, at // 2 + tl.arange(0, PLANE), rows, column, end, out)
    number = tile.to(tl.float16)
    high = tl.floor(number.to(tl.float32) * 0.0625).to(tl.float16)
    return number - high * 16.0, high


@jit
def plane_tile(
    code,
    scales,
    least,
    expert,
    at,
    width,
    column,
    end,
    out,
    FORM: tl.constexpr,
    PLANE: tl.constexpr,
):
    """Weights [PLANE, N] of 4-bit codes (float16)."""
    # Decoded before its scales are there: less at the same time.
    if FORM == "mxfp4":
        value = decode_e2m1(code).to(tl.float32)
        weights = value * group_values(scales, expert, at, width, column, end, out, PLANE)
    else:
        steps = group_values(scales, expert, at, width, column, end, out, PLANE)
        base = group_values(least, expert, at, width, column, end, out, PLANE)
        weights = code.to(tl.float32) * steps + base
    return weights.to(tl.bfloat16)


@jit
def row_tiles(
    rows, count, at, width, FORM: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_K: tl.constexpr
):
    """Inputs from ``at`` on of rows, of 4-bit formats in two halves, of others twice the same."""
    row = tl.arange(0, BLOCK_M)
    if FORM == "mxfp4" or FORM == "int4":
        PLANE: tl.constexpr = BLOCK_K // 2
        k = at + tl.arange(0, PLANE)
        low = tile_of(rows, row, count, k, width, width)
        high = tile_of(rows, row, count, k + PLANE, width, width)
    else:
        low = tile_of(rows, row, count, at + tl.arange(0, BLOCK_K), width, width)
        high = low
    return low, high


@jit
def add_product(
    total,  # [M, N] float32
    low,
    high,  # of `row_tiles`
    codes,  # [experts, width, out]
    scales,
    least,
    expert,  # int64
    at,
    width,
    column,  # [N]
    end,  # of the columns
    out,
    block,  # row of the scales of 128 x 128, in all experts': "fp8" only
    FORM: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """``total`` and the product of rows with weights over inputs ``at`` to ``at + BLOCK_K``."""
    if FORM == "mxfp4" or FORM == "int4":
        PLANE: tl.constexpr = BLOCK_K // 2
        first, second = low_and_high(codes, expert, at, width, column, end, out, PLANE)
        tile = plane_tile(first, scales, least, expert, at, width, column, end, out, FORM, PLANE)
        total = tl.dot(low, tile, total, input_precision="ieee")
        at += PLANE
        tile = plane_tile(second, scales, least, expert, at, width, column, end, out, FORM, PLANE)
        total = tl.dot(high, tile, total, input_precision="ieee")
    else:
        tile = whole_tile(codes, scales, expert, at, width, column, end, out, block, FORM, BLOCK_K)
        total = tl.dot(low, tile, total, input_precision="ieee")
    return total
