# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""The indexer's narrow keys and queries (`quantization.index_keys`), inlined by several kernels.

FORM is ``"index_fp8"``: E4M3 codes and one float32 scale a row, or ``"index_mxfp4"``: E2M1 codes,
two in a byte, and an E8M0 scale for 32 numbers.
"""

import triton
import triton.language as tl

from inference.kernels.cuda.device import encode_e4m3, scale_above, scale_value

GROUP = tl.constexpr(32)  # numbers that share a scale in MXFP4
_LARGEST = tl.constexpr(3.4028234663852886e38)


@triton.jit
def hadamard(x, WIDTH: tl.constexpr, BLOCK: tl.constexpr):
    """Rows [R, BLOCK], zeros from WIDTH on, times the orthogonal Hadamard matrix of WIDTH.

    Columns from WIDTH on hold anything. The sums are those of the reference in its order: each
    turn adds up neighbours, and puts sums and differences where the next bit's pairs are
    neighbours (Pease).
    """
    COUNT: tl.constexpr = x.shape[0]
    step = BLOCK
    while step > 1:
        even, odd = tl.split(tl.reshape(x, (COUNT, BLOCK // 2, 2)))
        both = tl.permute(tl.join(even + odd, even - odd), (0, 2, 1))
        x = tl.reshape(both, (COUNT, BLOCK))
        step = step // 2
    return x * (WIDTH**-0.5)


@triton.jit
def encode_e2m1(x):
    """Codes 0 to 15 (int32) of scaled float32 numbers, the even code where two are as near."""
    size = tl.abs(x)
    code = (size > 0.25).to(tl.int32) + (size >= 0.75).to(tl.int32)
    code += (size > 1.25).to(tl.int32) + (size >= 1.75).to(tl.int32)
    code += (size > 2.5).to(tl.int32) + (size >= 3.5).to(tl.int32) + (size > 5.0).to(tl.int32)
    code = tl.where(x == x, code, 7)  # there is no NaN
    return code | ((x.to(tl.int32, bitcast=True) >> 28) & 8)


@triton.jit
def _scale_above_e2m1(most):
    """The least E8M0 scale by which ``most`` >= 0, finite, is at most 6; 1 for 0."""
    bits = most.to(tl.int32, bitcast=True)
    byte = (bits >> 23) - 2 + ((bits & 0x7FFFFF) > 0x400000).to(tl.int32)
    byte = tl.minimum(tl.maximum(byte, 0), 254)
    return tl.where(bits == 0, 127, byte)


@triton.jit
def rounded_e4m3(x, inside):
    """Codes of rows [R, BLOCK], and each row's scale [R] as a byte (int32)."""
    size = tl.where(inside & (x == x), tl.minimum(tl.abs(x), _LARGEST), 0.0)
    byte = scale_above(tl.max(size, axis=1))
    return encode_e4m3(x / scale_value(byte)[:, None]), byte


@triton.jit
def rounded_e2m1(x, inside, BLOCK: tl.constexpr):
    """Codes (int32) of rows [R, BLOCK], and the scales of their groups [R, BLOCK / 32], bytes."""
    COUNT: tl.constexpr = x.shape[0]
    GROUPS: tl.constexpr = BLOCK // GROUP
    size = tl.where(inside & (x == x), tl.minimum(tl.abs(x), _LARGEST), 0.0)
    byte = _scale_above_e2m1(tl.max(tl.reshape(size, (COUNT, GROUPS, GROUP)), axis=2))
    spread = tl.broadcast_to(scale_value(byte)[:, :, None], (COUNT, GROUPS, GROUP))
    return encode_e2m1(x / tl.reshape(spread, (COUNT, BLOCK))), byte


@triton.jit
def store_index_key(
    x,
    storage,
    place,
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
    PAGE_BYTES: tl.constexpr,
    FORM: tl.constexpr,
):
    """Row ``x`` [BLOCK] float32, zeros from WIDTH on, as entry ``place`` of pages of 64."""
    columns = tl.arange(0, BLOCK)
    row = hadamard(x[None, :], WIDTH, BLOCK)
    page = storage + (place // 64) * PAGE_BYTES
    inside = (columns < WIDTH)[None, :]
    if FORM == "index_fp8":
        codes, byte = rounded_e4m3(row, inside)
        data = page + (place % 64) * WIDTH
        tl.store(data + columns[None, :], codes, mask=inside)
        scales = (page + 64 * WIDTH).to(tl.pointer_type(tl.float32)) + place % 64
        tl.store(scales + tl.arange(0, 1), scale_value(byte))
    else:
        codes, byte = rounded_e2m1(row, inside, BLOCK)
        low, high = tl.split(tl.reshape(codes, (1, BLOCK // 2, 2)))
        pair = tl.arange(0, BLOCK // 2)
        data = page + (place % 64) * (WIDTH // 2)
        both = (low | (high << 4)).to(tl.uint8)
        tl.store(data + pair[None, :], both, mask=(pair < WIDTH // 2)[None, :])
        GROUPS: tl.constexpr = triton.cdiv(WIDTH, GROUP)
        group = tl.arange(0, BLOCK // GROUP)
        scales = page + 64 * (WIDTH // 2) + (place % 64) * GROUPS
        tl.store(scales + group[None, :], byte.to(tl.uint8), mask=(group < GROUPS)[None, :])
