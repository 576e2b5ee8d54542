# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""The indexer's narrow keys and queries (`quantization.index_keys`) by arithmetic of vector cores.

FORM is ``"index_fp8"``: E4M3 codes and one float32 scale a row, or ``"index_mxfp4"``: E2M1 codes,
two in a byte, and an E8M0 scale for 32 numbers. The cube multiplies neither, so codes are widened
to bfloat16, which holds the same numbers. As in `codes` nothing is compared but float32.
"""

import triton
import triton.language as tl

from inference.kernels.ascend.codes import encode_e4m3, scale_above, scale_value

GROUP = tl.constexpr(32)  # numbers that share a scale in MXFP4
_LARGEST = tl.constexpr(3.4028234663852886e38)
_ROUNDS = tl.constexpr(8388608.0)  # 2 ** 23: a float32 that it is added to keeps no fraction


@triton.jit
def hadamard(x, WIDTH: tl.constexpr):
    """Rows [R, WIDTH] times the orthogonal Hadamard matrix of WIDTH, a power of two.

    Sums are those of the reference in its order: each turn adds up neighbours, and puts sums and
    differences where the next bit's pairs are neighbours (Pease).
    """
    COUNT: tl.constexpr = x.shape[0]
    for turn in tl.static_range(12):
        if 1 << turn < WIDTH:
            even, odd = tl.split(tl.reshape(x, (COUNT, WIDTH // 2, 2)))
            both = tl.permute(tl.join(even + odd, even - odd), (0, 2, 1))
            x = tl.reshape(both, (COUNT, WIDTH))
    return x * (WIDTH**-0.5)


@triton.jit
def sizes(x):
    """``abs(x)``, 0 where it is no number, and finite."""
    return tl.where(x == x, tl.minimum(tl.abs(x), _LARGEST), 0.0)


@triton.jit
def scale_above_e2m1(most):
    """The least E8M0 scale by which ``most`` >= 0, finite, is at most 6; 127, one, for 0."""
    bits = most.to(tl.int32, bitcast=True)
    byte = ((bits + 0x3FFFFF) >> 23) - 2  # 6 is 1.5 * 2 ** 2
    return tl.where(most == 0.0, 127, tl.minimum(tl.maximum(byte, 0), 254))


@triton.jit
def _digits_e2m1(x):
    """How many steps of its binade a scaled number is, to the nearest, and that binade, 0 to 2."""
    size = tl.minimum(tl.where(x == x, tl.abs(x), 6.0), 6.0)  # there is no NaN
    binade = tl.maximum((size.to(tl.int32, bitcast=True) >> 23) - 127, 0)
    return size * ((128 - binade) << 23).to(tl.float32, bitcast=True) + _ROUNDS, binade


@triton.jit
def encode_e2m1(x):
    """Codes 0 to 15 (int32) of scaled float32 numbers, the even code where two are as near."""
    digits, binade = _digits_e2m1(x)
    code = binade * 2 + (digits.to(tl.int32, bitcast=True) - 0x4B000000)
    return code | ((x.to(tl.int32, bitcast=True) >> 28) & 8)


@triton.jit
def decode_e2m1(code):
    """float32 of codes 0 to 15 (int32)."""
    binade, digit = (code >> 1) & 3, code & 1
    power = (tl.maximum(binade, 1) + 125) << 23  # 2 ** (binade - 2)
    digits = (digit + tl.minimum(binade, 1) * 2).to(tl.float32)
    value = digits * power.to(tl.float32, bitcast=True)
    return value * (1.0 - ((code >> 3) & 1).to(tl.float32) * 2.0)


@triton.jit
def store_index_key(
    x, storage, scales, place, WIDTH: tl.constexpr, PAGE_BYTES: tl.constexpr, FORM: tl.constexpr
):  # fmt: skip
    """Row ``x`` [WIDTH] float32 as entry ``place`` (int64) of pages of 64.

    ``scales``: the pages as float32, for the scales of FP8 keys."""
    row = hadamard(x[None, :], WIDTH)
    page = (place // 64) * PAGE_BYTES
    if FORM == "index_fp8":
        byte = scale_above(tl.max(sizes(row), axis=1))
        scale = scale_value(byte)
        to = page + (place % 64) * WIDTH + tl.arange(0, WIDTH)
        tl.store(storage + to[None, :], encode_e4m3(row / scale[:, None]).to(tl.uint8))
        tl.store(scales + page // 4 + 16 * WIDTH + place % 64 + tl.arange(0, 1), scale)
    else:
        GROUPS: tl.constexpr = WIDTH // GROUP
        grouped = tl.reshape(row, (GROUPS, GROUP))
        byte = scale_above_e2m1(tl.max(sizes(grouped), axis=1))
        codes = encode_e2m1(grouped / scale_value(byte)[:, None])
        low, high = tl.split(tl.reshape(codes, (WIDTH // 2, 2)))
        to = page + (place % 64) * (WIDTH // 2) + tl.arange(0, WIDTH // 2)
        tl.store(storage + to, (low + high * 16).to(tl.uint8))
        to = page + 32 * WIDTH + (place % 64) * GROUPS + tl.arange(0, GROUPS)
        tl.store(storage + to, byte.to(tl.uint8))
