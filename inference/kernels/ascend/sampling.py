# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""Draws a token of each row: temperature, top-k, top-p, min-p, one number of a counter.

Nothing is sorted: the last number that top-k or top-p keeps, and the one that is drawn, are found
digit by digit (`sampling_row`); equal ones share a weight, so their places are a division. Vector
cores have no float64: sums are float32, and so a number drawn within a millionth of a token's edge
may give its neighbour where the reference gives the token.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.ascend.sampling_row import above, equal_token, scaled, search, weights_of
from inference.kernels.reference.sampling import sample as reference
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_TILE = 512


@jit(varying=("rows", "vocabulary", "tiles"))
def scan_kernel(
    logits,  # [R, V] float32
    temperatures,  # [R]
    tops,  # [R, tiles] float32: the largest number by its temperature
    sums,  # [R, tiles] float32: weights beside it
    rows,
    vocabulary,
    tiles,
    TILE: tl.constexpr,
):
    for task in range(tl.program_id(0), rows * tiles, tl.num_programs(0)):
        row = tl.cast(task // tiles, tl.int64)
        of, temperature = logits + row * vocabulary, tl.load(temperatures + row)
        values = scaled(of, task % tiles, vocabulary, temperature, TILE)
        top = tl.max(values, axis=0)
        tl.store(tops + task, top)
        tl.store(sums + task, tl.sum(weights_of(values, top), axis=0))


@triton.jit
def _uniform(seed, counter):
    """The first 24 bits of `kernels.reference.sampling.uniform`."""
    zero = counter * 0
    first, _, _, _ = tl.philox(seed, counter, zero, zero, zero)
    return (first >> 8).to(tl.int32).to(tl.float32) * 5.960464477539063e-08


@triton.jit
def _draw_whole(
    logits, tops, shares, top, chance, vocabulary, temperature, TILE: tl.constexpr,
    BLOCK_C: tl.constexpr,
):  # fmt: skip
    """The token, in the vocabulary's order, where the cumulative weights pass ``chance``."""
    at, n = tl.arange(0, BLOCK_C).to(tl.float32), tl.arange(0, TILE).to(tl.float32)
    ends = tl.cumsum(shares, 0)
    target = chance * tl.sum(shares, axis=0)
    last = tl.max(tl.where(shares > 0.0, at, 0.0), axis=0)
    tile = tl.minimum(tl.sum(tl.where(ends <= target, 1.0, 0.0), axis=0), last)
    before = tl.sum(tl.where(at < tile, shares, 0.0), axis=0)
    tile = tile.to(tl.int32)
    weights = weights_of(scaled(logits, tile, vocabulary, temperature, TILE), top)
    passed = tl.sum(tl.where(before + tl.cumsum(weights, 0) <= target, 1.0, 0.0), axis=0)
    last = tl.max(tl.where(weights > 0.0, n, 0.0), axis=0)
    return tile * TILE + tl.minimum(passed, last).to(tl.int32)


@triton.jit
def _draw_best(
    logits, tops, tiles, vocabulary, temperature, top, whole, top_k, top_p, min_p, chance,
    TILE: tl.constexpr,
):  # fmt: skip
    """The token, from the best down, where the cumulative weights of those kept pass ``chance``."""
    # Kept are numbers above `last`, and so many of those that equal it.
    last, kept, mass = float("-inf"), tl.cast(vocabulary, tl.float32), whole
    if (top_k > 0) & (top_k < vocabulary):
        last = search(
            logits, tops, tiles, vocabulary, temperature, top, 0.0, float("-inf"),
            tl.cast(top_k, tl.float32), True, False, TILE,
        )  # fmt: skip
        count, weight, _ = above(logits, tops, tiles, vocabulary, temperature, top, 0.0, last, TILE)
        kept = tl.cast(top_k, tl.float32) - count
        mass = weight + kept * weights_of(last, top)
    if top_p < 1.0:
        wanted = tl.maximum(top_p * mass, 1e-30)
        number = search(
            logits, tops, tiles, vocabulary, temperature, top, 0.0, last, wanted, False, False, TILE
        )
        _, weight, equal = above(
            logits, tops, tiles, vocabulary, temperature, top, 0.0, number, TILE
        )
        share = tl.maximum(weights_of(number, top), 1e-37)
        needed = tl.maximum(tl.ceil((wanted - weight) / share), 1.0)
        kept = tl.minimum(needed, tl.where(number == last, kept, equal))
        last = number
    _, mass, _ = above(logits, tops, tiles, vocabulary, temperature, top, min_p, last, TILE)
    share = weights_of(last, top)
    mass += tl.where(share >= min_p, kept * share, 0.0)
    target = chance * mass
    number = search(
        logits, tops, tiles, vocabulary, temperature, top, min_p, last, target, False, True, TILE
    )
    _, weight, equal = above(logits, tops, tiles, vocabulary, temperature, top, min_p, number, TILE)
    most = tl.where(number == last, tl.minimum(kept, equal), equal)
    share = tl.maximum(weights_of(number, top), 1e-37)
    place = tl.maximum(tl.minimum(tl.floor((target - weight) / share), most - 1.0), 0.0)
    return equal_token(logits, tops, tiles, vocabulary, temperature, number, place, TILE)


@jit(varying=("rows", "vocabulary", "tiles"))
def draw_kernel(
    logits,  # [R, V] float32
    temperatures,  # [R] float32
    top_ks,  # [R] int32
    top_ps,  # [R] float32
    min_ps,
    seeds,  # [R] int64
    counters,  # [R] int32
    tops,  # [R, tiles] float32
    sums,
    tokens,  # [R] int32
    rows,
    vocabulary,
    tiles,
    TILE: tl.constexpr,
    BLOCK_C: tl.constexpr,
):
    at = tl.arange(0, BLOCK_C)
    for task in range(tl.program_id(0), rows, tl.num_programs(0)):
        row = tl.cast(task, tl.int64)
        of, own = logits + row * vocabulary, tops + row * tiles
        temperature, top_k = tl.load(temperatures + row), tl.load(top_ks + row)
        top_p, min_p = tl.load(top_ps + row), tl.minimum(tl.load(min_ps + row), 1.0)
        most = tl.load(own + at, mask=at < tiles, other=float("-inf"))
        shares = tl.load(sums + row * tiles + at, mask=at < tiles, other=0.0)
        top = tl.max(most, axis=0)
        shares = shares * weights_of(most, top)
        chance = _uniform(tl.load(seeds + row), tl.load(counters + row))
        if (temperature == 0.0) | (top == float("-inf")):
            token = equal_token(of, own, tiles, vocabulary, temperature, top, 0.0, TILE)
            token = tl.cast(token, tl.int32)
        elif (top_k == 0) & (top_p >= 1.0) & (min_p == 0.0):
            token = _draw_whole(
                of, own, shares, top, chance, vocabulary, temperature, TILE, BLOCK_C
            )
        else:
            token = _draw_best(
                of, own, tiles, vocabulary, temperature, top, tl.sum(shares, axis=0), top_k, top_p,
                min_p, chance, TILE,
            )  # fmt: skip
            token = tl.cast(token, tl.int32)
        tl.store(tokens + row, token)


def sample(
    logits: torch.Tensor,
    temperatures: torch.Tensor,
    top_ks: torch.Tensor,
    top_ps: torch.Tensor,
    min_ps: torch.Tensor,
    seeds: torch.Tensor,
    counters: torch.Tensor,
) -> torch.Tensor:
    """See `kernels.reference.sampling`; all contiguous, fewer than 2 ** 24 tokens."""
    rows, vocabulary = logits.shape
    tiles, device = triton.cdiv(vocabulary, _TILE), logits.device
    tops, sums = logits.new_empty(2, rows, tiles)
    tokens = logits.new_empty(rows, dtype=torch.int32)
    if rows:
        sizes = (rows, vocabulary, tiles)
        scan_kernel[grid(rows * tiles, device, "vector")](
            logits, temperatures, tops, sums, *sizes, TILE=_TILE
        )
        draw_kernel[grid(rows, device, "vector")](
            logits, temperatures, top_ks, top_ps, min_ps, seeds, counters, tops, sums, tokens,
            *sizes, TILE=_TILE, BLOCK_C=triton.next_power_of_2(tiles),
        )  # fmt: skip
    return tokens.long()


def _case(device: torch.device, *, rows: int, vocabulary: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    logits = 4 * torch.randn(rows, vocabulary, device=device, generator=generator)
    number = torch.arange(rows, device=device)
    wishes = {
        "temperatures": torch.full((rows,), 0.7, device=device),
        "top_ks": (20 * (number % 2)).int(),  # every second row is drawn from all tokens
        "top_ps": 1.0 - 0.1 * (number % 2),
        "min_ps": torch.zeros(rows, device=device),
        "seeds": number + 11,
        "counters": number.int(),
    }
    return Case(
        {"logits": logits, **wishes}, floor_bytes=bytes_of(logits, *wishes.values()) + 4 * rows
    )


_SIGNATURE = {
    **dict.fromkeys(("logits", "temperatures", "top_ps", "min_ps", "tops", "sums"), "*fp32"),
    **dict.fromkeys(("top_ks", "counters", "tokens"), "*i32"),
    "seeds": "*i64",
    **dict.fromkeys(("rows", "vocabulary", "tiles"), "i32"),
}
KERNELS = (
    KernelSpec(
        name="sampling",
        does="logits to a token of each row",
        run=sample,
        reference=reference,
        case=_case,
        shapes={"counted": {"rows": 2, "vocabulary": 3000}},
        compilations=[
            Compilation(
                function,
                {name: kind for name, kind in _SIGNATURE.items() if name in function.arg_names},
                {"TILE": _TILE, "BLOCK_C": 256},
            )
            for function in (scan_kernel, draw_kernel)
        ],
    ),
)
