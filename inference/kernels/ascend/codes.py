# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
"""Codes of the FP8 cache by integer arithmetic that vector cores have: shifts, sums, minima.

Atlas A2 has no FP8 numbers, and compares integers one by one, so nothing is compared but float32.
The codes are those of `quantization.kv_fp8`.
"""

import triton
import triton.language as tl


@triton.jit
def encode_e4m3(x):
    """Codes (int32) of float32 numbers, rounded to the nearest, ties to even; cut at 448."""
    bits = x.to(tl.int32, bitcast=True)
    size = tl.minimum(tl.where(x == x, tl.abs(x), 0.0), 448.0)
    exponent = tl.maximum((size.to(tl.int32, bitcast=True) >> 23) - 127, -6)
    # In units of the last digit: 8 to 16, or fewer below 2 ** -6. A sum with 2 ** 23 rounds.
    digits = size * ((130 - exponent) << 23).to(tl.float32, bitcast=True)
    whole = (digits + 8388608.0).to(tl.int32, bitcast=True) - 0x4B000000
    code = (exponent + 6) * 8 + whole
    return ((bits >> 24) & 0x80) | tl.where(x == x, code, 0x7F)


@triton.jit
def decode_e4m3(code):
    """float32 of codes (int32)."""
    exponent, digits = (code >> 3) & 0xF, code & 7
    digits = digits + tl.minimum(exponent, 1) * 8
    power = (tl.maximum(exponent, 1) + 117) << 23  # 2 ** (exponent - 10)
    value = digits.to(tl.float32) * power.to(tl.float32, bitcast=True)
    value = value * (1.0 - ((code >> 7) & 1).to(tl.float32) * 2.0)
    return tl.where((code & 0x7F).to(tl.float32) == 127.0, float("nan"), value)


@triton.jit
def scale_above(most):
    """The least E8M0 scale by which ``most`` >= 0, finite, is at most 448; 127, one, for 0."""
    bits = most.to(tl.int32, bitcast=True)
    byte = ((bits + 0x1FFFFF) >> 23) - 8  # 448 is 1.75 * 2 ** 8
    return tl.where(most == 0.0, 127, tl.minimum(tl.maximum(byte, 0), 254))


@triton.jit
def scale_value(byte):
    """float32 of E8M0 bytes (int32)."""
    return tl.maximum(byte << 23, 1 << 22).to(tl.float32, bitcast=True)


@triton.jit
def store_codes(
    x, storage, place, PLAIN: tl.constexpr, DATA: tl.constexpr, PAGE_BYTES: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """The PLAIN channels of ``x`` [BLOCK] float32 and their scales as entry ``place`` (int64)."""
    SCALES: tl.constexpr = triton.cdiv(PLAIN, 512) * 8
    GROUPS: tl.constexpr = BLOCK // 64
    columns, group = tl.arange(0, BLOCK), tl.arange(0, GROUPS)
    page = storage + (place // 64) * PAGE_BYTES
    finite = tl.minimum(tl.abs(x), 3.4028234663852886e38)
    plain = columns.to(tl.float32) < PLAIN
    size = tl.where(plain & (x == x), finite, 0.0)
    byte = scale_above(tl.max(tl.reshape(size, (GROUPS, 64)), axis=1))
    spread = tl.broadcast_to(scale_value(byte)[:, None], (GROUPS, 64))
    codes = encode_e4m3(x / tl.reshape(spread, (BLOCK,)))
    tl.store(page + (place % 64) * DATA + columns, codes.to(tl.uint8), mask=columns < PLAIN)
    # Bytes that belong to no group are zeros.
    there = 1.0 - tl.minimum(tl.maximum(group.to(tl.float32) - (PLAIN - 1) // 64, 0.0), 1.0)
    byte = (byte.to(tl.float32) * there).to(tl.int32)
    scales = page + 64 * DATA + (place % 64) * SCALES
    tl.store(scales + group, byte.to(tl.uint8), mask=group < SCALES)
