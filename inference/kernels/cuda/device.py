# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none
"""Functions that several kernels inline: rotary pairs, and the codes of the FP8 cache.

E4M3 and E8M0 are read and written by integer arithmetic, so they are the same numbers on chips
without that format (sm_80) and with another one (gfx942).
"""

import triton
import triton.language as tl


@triton.jit
def turn_pairs(
    x, cos, sin, WIDTH: tl.constexpr, ROPE: tl.constexpr, BLOCK: tl.constexpr, INVERSE: tl.constexpr
):
    """Rows ``x`` [R, BLOCK] float32 with the last ROPE of WIDTH channels turned.

    ``cos`` and ``sin`` point at the ROPE / 2 angles of these rows' position.
    """
    even, odd = tl.split(tl.reshape(x, (x.shape[0], BLOCK // 2, 2)))
    pair = tl.arange(0, BLOCK // 2) - (WIDTH - ROPE) // 2
    turns = (pair >= 0) & (pair < ROPE // 2)
    c = tl.load(cos + pair, mask=turns, other=1.0)[None, :]
    s = tl.load(sin + pair, mask=turns, other=0.0)[None, :]
    if INVERSE:
        s = -s
    turned = tl.join(even * c - odd * s, odd * c + even * s)
    return tl.reshape(turned, (x.shape[0], BLOCK))


@triton.jit
def encode_e4m3(x):
    """Codes of float32 numbers, rounded to the nearest, ties to even; beyond 448 they are cut."""
    bits = x.to(tl.int32, bitcast=True)
    sign = (bits >> 24) & 0x80
    size = bits & 0x7FFFFFFF
    size = tl.where((size > 0x43E00000) & (size <= 0x7F800000), 0x43E00000, size)  # 448
    near = (size + 0x7FFFF + ((size >> 20) & 1)) >> 20
    # Below 2 ** -6 a code is a multiple of 2 ** -9: what is left of 2 ** 14's last places.
    small = (size.to(tl.float32, bitcast=True) + 16384.0).to(tl.int32, bitcast=True) - 0x46800000
    code = tl.where(size < 0x3C800000, small, near - (120 << 3))
    code = tl.where(size > 0x7F800000, 0x7F, code)
    return (sign | code).to(tl.uint8)


@triton.jit
def decode_e4m3(code):
    """float32 of codes. float16 has the sign, exponent and digits in the same order."""
    wide = code.to(tl.int16)
    half = (((wide & 0x80) << 8) | ((wide & 0x7F) << 7)).to(tl.float16, bitcast=True)
    value = half.to(tl.float32) * 256.0
    return tl.where((wide & 0x7F) == 0x7F, float("nan"), value)


@triton.jit
def scale_above(most):
    """The least E8M0 scale by which ``most`` >= 0, finite, is at most 448; 1 for 0."""
    bits = most.to(tl.int32, bitcast=True)
    byte = (bits >> 23) - 8 + ((bits & 0x7FFFFF) > 0x600000).to(tl.int32)
    byte = tl.minimum(tl.maximum(byte, 0), 254)
    return tl.where(bits == 0, 127, byte)


@triton.jit
def scale_value(byte):
    """float32 of E8M0 bytes."""
    wide = byte.to(tl.int32)
    return tl.where(wide == 0, 1 << 22, wide << 23).to(tl.float32, bitcast=True)


@triton.jit
def store_packed(
    x,
    storage,
    place,
    columns,
    WIDTH: tl.constexpr,
    ROPE: tl.constexpr,
    BLOCK: tl.constexpr,
    PAGE_BYTES: tl.constexpr,
):
    """Row ``x`` [BLOCK] float32 as entry ``place`` of pages of 64 (`quantization.kv_fp8`)."""
    PLAIN: tl.constexpr = WIDTH - ROPE
    DATA: tl.constexpr = PLAIN + 2 * ROPE
    SCALES: tl.constexpr = triton.cdiv(PLAIN, 512) * 8
    page = storage + (place // 64) * PAGE_BYTES
    data = page + (place % 64) * DATA
    plain = columns < PLAIN
    size = tl.where(plain & (x == x), tl.minimum(tl.abs(x), 3.4028234663852886e38), 0.0)
    byte = scale_above(tl.max(tl.reshape(size, (BLOCK // 64, 64)), axis=1))
    spread = tl.broadcast_to(scale_value(byte)[:, None], (BLOCK // 64, 64))
    codes = encode_e4m3(x / tl.reshape(spread, (BLOCK,)))
    tl.store(data + columns, codes, mask=plain)
    turned = (data + PLAIN).to(tl.pointer_type(tl.bfloat16)) + columns - PLAIN
    tl.store(turned, x.to(tl.bfloat16), mask=(columns >= PLAIN) & (columns < WIDTH))
    group = tl.arange(0, BLOCK // 64)
    byte = tl.where(group < triton.cdiv(PLAIN, 64), byte, 0)
    scales = page + 64 * DATA + (place % 64) * SCALES
    tl.store(scales + group, byte.to(tl.uint8), mask=group < SCALES)


@triton.jit
def load_packed(
    storage,
    places,
    known,
    columns,
    WIDTH: tl.constexpr,
    ROPE: tl.constexpr,
    PAGE_BYTES: tl.constexpr,
):
    """Entries ``places`` [N] as bfloat16 [N, columns]; zeros where not ``known``."""
    PLAIN: tl.constexpr = WIDTH - ROPE
    DATA: tl.constexpr = PLAIN + 2 * ROPE
    SCALES: tl.constexpr = triton.cdiv(PLAIN, 512) * 8
    page = storage + (places // 64) * PAGE_BYTES
    data = (page + (places % 64) * DATA)[:, None]
    scales = (page + 64 * DATA + (places % 64) * SCALES)[:, None]
    plain = known[:, None] & (columns < PLAIN)[None, :]
    codes = tl.load(data + columns[None, :], mask=plain, other=0)
    byte = tl.load(scales + (columns // 64)[None, :], mask=plain, other=0)
    turned = (data + PLAIN).to(tl.pointer_type(tl.bfloat16)) + (columns - PLAIN)[None, :]
    rest = known[:, None] & ((columns >= PLAIN) & (columns < WIDTH))[None, :]
    whole = tl.load(turned, mask=rest, other=0.0)
    return tl.where(plain, (decode_e4m3(codes) * scale_value(byte)).to(tl.bfloat16), whole)
