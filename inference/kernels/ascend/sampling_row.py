# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""Looks at one row of logits, tile by tile: its numbers in order, their weights, equal ones.

Every look passes over tiles whose largest number is below what it is for.
"""

import triton
import triton.language as tl

from inference.kernels.ascend.thresholds import chosen_step, digit_steps, number_at


@triton.jit
def scaled(logits, tile, vocabulary, temperature, TILE: tl.constexpr):
    """[TILE] of a row by its temperature, minus infinity where there is none or no number."""
    n = tl.arange(0, TILE)
    start = tile * TILE
    value = tl.load(logits + start + n, mask=n < vocabulary - start, other=float("-inf"))
    value = tl.where(value == value, value, float("-inf"))
    return value / tl.where(temperature == 0.0, 1.0, temperature)


@triton.jit
def weights_of(values, top):
    """exp(values - top); 0 for what is minus infinite."""
    known = values > float("-inf")
    top = tl.maximum(top, -3.4028234663852886e38)
    return tl.where(known, tl.exp(tl.where(known, values, top) - top), 0.0)


@triton.jit
def _measured(values, top, least, COUNTS: tl.constexpr):
    """What each number counts: 1, or its weight; nothing below the weight ``least``."""
    weights = weights_of(values, top)
    if COUNTS:
        return tl.where(values > float("-inf"), 1.0, 0.0)
    return tl.where(weights >= least, weights, 0.0)


@triton.jit
def search(
    logits, tops, tiles, vocabulary, temperature, top, least, floor, wanted,
    COUNTS: tl.constexpr, STRICT: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """The largest number from which on there is ``wanted``, or with STRICT more than that.

    Args:
        floor: it is not below this."""
    key = tl.full((), 0, tl.int32)
    low = floor
    for turn in range(8):
        tried = number_at(key + digit_steps(turn))
        found = tl.zeros((16,), tl.float32)
        for tile in range(tiles):
            if tl.load(tops + tile) >= low:
                values = scaled(logits, tile, vocabulary, temperature, TILE)
                measure = _measured(values, top, least, COUNTS)
                above = values[None, :] >= tried[:, None]
                found += tl.sum(tl.where(above, measure[None, :], 0.0), axis=1)
        fits = found > wanted if STRICT else found >= wanted
        key += chosen_step(tl.where(fits, 1.0, 0.0), turn)
        low = tl.maximum(floor, number_at(key))
    return low


@triton.jit
def above(
    logits, tops, tiles, vocabulary, temperature, top, least, number, TILE: tl.constexpr
):  # fmt: skip
    """Of those above ``number``: how many, and their weight; and how many equal it. float32."""
    count, weight, equal = 0.0, 0.0, 0.0
    for tile in range(tiles):
        if tl.load(tops + tile) >= number:
            values = scaled(logits, tile, vocabulary, temperature, TILE)
            weights = _measured(values, top, least, False)
            count += tl.sum(tl.where(values > number, 1.0, 0.0), axis=0)
            weight += tl.sum(tl.where(values > number, weights, 0.0), axis=0)
            equal += tl.sum(tl.where(values == number, 1.0, 0.0), axis=0)
    return count, weight, equal


@triton.jit
def equal_token(
    logits, tops, tiles, vocabulary, temperature, number, place, TILE: tl.constexpr
):  # fmt: skip
    """The token of those whose value is ``number`` at ``place``, from 0, float32 both."""
    n = tl.arange(0, TILE)
    before, token = 0.0, 0.0
    for tile in range(tiles):
        if tl.load(tops + tile) >= number:
            values = scaled(logits, tile, vocabulary, temperature, TILE)
            inside = n.to(tl.float32) < tl.cast(vocabulary - tile * TILE, tl.float32)
            equal = tl.where((values == number) & inside, 1.0, 0.0)
            at = (before + tl.cumsum(equal, 0)) * equal
            hit = tl.where(at == place + 1.0, (tile * TILE + n).to(tl.float32), 0.0)
            token += tl.sum(hit, axis=0)
            before += tl.sum(equal, axis=0)
    return token
