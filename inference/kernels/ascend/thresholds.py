# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
"""Float32 numbers in their order, found digit by digit with nothing compared but float32.

A number's key is an int32 of the same order. A search keeps the digits that are known and tries the
next one, four bits, in all its values at once: eight looks at the numbers find any of them.
"""

import triton
import triton.language as tl


@triton.jit
def number_at(key):
    """The number of a key; minus infinity for keys below its own, no number above infinity's."""
    key = tl.maximum(key, -2139095041)
    return (key ^ ((key >> 31) & 0x7FFFFFFF)).to(tl.float32, bitcast=True)


@triton.jit
def digit_steps(turn):
    """[16] int32: what each value of the digit adds to the key, ascending; ``turn`` from 0 to 7."""
    shift = 28 - 4 * turn
    return (tl.arange(0, 16) - (shift // 28) * 8) << shift  # the first digit has the sign


@triton.jit
def chosen_step(fits, turn):
    """What the largest digit adds that ``fits`` [16] float32, ones and then zeros."""
    shift = 28 - 4 * turn
    digit = tl.maximum(tl.sum(fits, axis=0).to(tl.int32) - 1, 0)
    return (digit - (shift // 28) * 8) << shift
