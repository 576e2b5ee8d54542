# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none, reportAttributeAccessIssue=none
"""Tiles of experts' weights out of their packed form, for `tl.dot`; inlined by `grouped_*`.

Of 4 bits a byte holds inputs 2i and 2i + 1: a tile is two, of the even inputs and of the odd ones,
to be multiplied with the even and the odd numbers of the rows (`halves`), so that nothing is
interleaved in registers.
"""

import triton.language as tl

from inference.kernels.cuda.device import decode_e4m3, scale_value
from inference.kernels.triton_common.jit import jit

GROUP = tl.constexpr(32)  # inputs that share a scale in MXFP4, INT8 and INT4


@jit
def spread(values, SIZE: tl.constexpr):
    """Each row of [G, N] ``SIZE`` times: [G * SIZE, N]."""
    wide = tl.broadcast_to(values[:, None, :], (values.shape[0], SIZE, values.shape[1]))
    return tl.reshape(wide, (values.shape[0] * SIZE, values.shape[1]))


@jit
def decode_e2m1(code):
    """float32 of codes 0 to 15 (int32)."""
    size = code & 7
    # 0, 0.5: no exponent. From 1 on exponent and digit are those of a float32, further right.
    normal = ((size << 22) + (126 << 23)).to(tl.float32, bitcast=True)
    value = tl.where(size < 2, size.to(tl.float32) * 0.5, normal)
    return tl.where((code & 8) != 0, -value, value)


@jit
def group_values(scales, row, inside, first, width, BLOCK_K: tl.constexpr):
    """Scales of the groups in a tile, [BLOCK_K / 32, N] float32; bytes are E8M0."""
    groups = tl.cdiv(width, GROUP)
    at = first // GROUP + tl.arange(0, BLOCK_K // GROUP)
    found = tl.load(
        scales + row[None, :] * groups + at[:, None],
        mask=inside[None, :] & (at < groups)[:, None],
        other=0,
    )
    return scale_value(found) if scales.dtype.element_ty == tl.uint8 else found.to(tl.float32)


@jit
def byte_tile(codes, row, inside, first, count, BLOCK: tl.constexpr):
    """Codes [BLOCK, N] from number ``first`` of rows of ``count`` numbers on; 0 outside."""
    at = first + tl.arange(0, BLOCK)
    return tl.load(
        codes + row[None, :] * count + at[:, None],
        mask=inside[None, :] & (at < count)[:, None],
        other=0,
    )


@jit
def whole_tile(
    codes, scales, row, inside, first, width, dtype, FORM: tl.constexpr, BLOCK_K: tl.constexpr
):
    """Weights [BLOCK_K, N] of a format that has a number in each element ("bf16", "int8")."""
    tile = byte_tile(codes, row, inside, first, width, BLOCK_K)
    if FORM == "int8":
        steps = group_values(scales, row, inside, first, width, BLOCK_K)
        tile = (tile.to(tl.float32) * spread(steps, GROUP)).to(tl.bfloat16)
    return tile.to(dtype)


@jit
def half_tiles(
    codes,
    scales,
    least,
    row,
    inside,
    first,
    width,
    dtype,
    FORM: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """Weights of the even and of the odd inputs, [BLOCK_K / 2, N] each ("mxfp4", "int4")."""
    packed = byte_tile(codes, row, inside, first // 2, width // 2, BLOCK_K // 2).to(tl.int32)
    steps = spread(group_values(scales, row, inside, first, width, BLOCK_K), GROUP // 2)
    low, high = packed & 15, packed >> 4
    if FORM == "mxfp4":
        even, odd = decode_e2m1(low) * steps, decode_e2m1(high) * steps
    else:
        base = spread(group_values(least, row, inside, first, width, BLOCK_K), GROUP // 2)
        even, odd = low.to(tl.float32) * steps + base, high.to(tl.float32) * steps + base
    return even.to(tl.bfloat16).to(dtype), odd.to(tl.bfloat16).to(dtype)


@jit
def halves(rows):
    """The even and the odd columns of [M, K], [M, K / 2] each."""
    return tl.split(tl.reshape(rows, (rows.shape[0], rows.shape[1] // 2, 2)))


@jit
def load_scales(scales, at, inside):
    """Scales of blocks or of rows' groups, float32; bytes are E8M0."""
    found = tl.load(scales + at, mask=inside, other=0)
    return scale_value(found) if scales.dtype.element_ty == tl.uint8 else found


@jit
def dot_e4m3(rows, tile, NATIVE: tl.constexpr):
    """The product of E4M3 codes [M, K] and [K, N], float32."""
    if NATIVE:
        left, right = rows.to(tl.float8e4nv, bitcast=True), tile.to(tl.float8e4nv, bitcast=True)
    else:  # bfloat16 holds the same numbers
        left, right = decode_e4m3(rows).to(tl.bfloat16), decode_e4m3(tile).to(tl.bfloat16)
    return tl.dot(left, right)


@jit
def add_product(
    total,  # [M, N] float32
    rows,  # [M, BLOCK_K]: inputs ``first`` to ``first + BLOCK_K``
    row_scales,  # [M] float32: of those inputs, "fp8" only
    codes,
    scales,
    least,
    row,  # [N] int64: of the weights, in all experts'
    block_row,  # of the scales these rows belong to, "fp8" only
    inside,  # [N]
    first,
    width,
    FORM: tl.constexpr,
    NATIVE: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """``total`` and the product of ``rows`` with a tile of the weights."""
    if FORM == "fp8":
        tile = byte_tile(codes, row, inside, first, width, BLOCK_K)
        step = load_scales(scales, block_row * tl.cdiv(width, 128) + first // 128, True)
        total += dot_e4m3(rows, tile, NATIVE) * (row_scales * step)[:, None]
    elif FORM == "mxfp4" or FORM == "int4":
        even, odd = half_tiles(
            codes, scales, least, row, inside, first, width, rows.dtype, FORM, BLOCK_K
        )
        evens, odds = halves(rows)
        total = tl.dot(evens, even, total, input_precision="ieee")
        total = tl.dot(odds, odd, total, input_precision="ieee")
    else:
        tile = whole_tile(codes, scales, row, inside, first, width, rows.dtype, FORM, BLOCK_K)
        total = tl.dot(rows, tile, total, input_precision="ieee")
    return total
