# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none, reportAttributeAccessIssue=none
"""Draws a token of each row: temperature, top-k, top-p, min-p, one number of a counter.

The logits are read once. Every program keeps the sum over its slice of the vocabulary and the
slice's best; one program a row then draws from those. Where that is not certain to be what the
whole row gives (a flat row with a wide nucleus) a third kernel searches the row, else it ends at
once; the host is not asked.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.tuning import architecture_of, configuration
from inference.kernels.reference.sampling import sample as reference
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_LOWEST = tl.constexpr(-0x7FFFFFFFFFFFFFFF)  # stands for no token


@jit
def _keys(values, tokens, inside):
    """int64 that order as float32 values do, of equal ones the lower token first."""
    bits = (values + 0.0).to(tl.int32, bitcast=True)  # -0 and 0 are equal
    bits = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits).to(tl.int64)
    return tl.where(inside, (bits << 32) | (0x7FFFFFFF - tokens).to(tl.int64), _LOWEST)


@jit
def _value_of(keys):
    bits = (keys >> 32).to(tl.int32)
    return tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits).to(tl.float32, bitcast=True)


@jit
def _token_of(keys):
    return 0x7FFFFFFF - (keys & 0x7FFFFFFF)


@jit
def _scaled(logits, row, start, vocabulary, temperature, CHUNK: tl.constexpr):
    """A slice of a row by its temperature, and its tokens; no numbers are minus infinity."""
    tokens = start + tl.arange(0, CHUNK)
    inside = tokens < vocabulary
    values = tl.load(logits + row * vocabulary + tokens, mask=inside, other=float("-inf"))
    values = tl.where(values == values, values, float("-inf"))
    return values / tl.where(temperature == 0, 1.0, temperature), tokens, inside


@jit
def _weights(values, top):
    """exp(values - top) float64, 0 for what is minus infinite."""
    known, top = values > float("-inf"), tl.maximum(top, -3.4028234663852886e38)
    weights = tl.exp(tl.where(known, values, top) - top)
    return tl.where(known, weights, 0.0).to(tl.float64)


@jit
def _uniform(seed, counter):
    """See `kernels.reference.sampling.uniform`."""
    zero = counter * 0
    first, second, _, _ = tl.philox(seed, counter, zero, zero, zero)
    bits = (first.to(tl.int64) << 21) | (second >> 11).to(tl.int64)
    return bits.to(tl.float64) * 1.1102230246251565e-16


@jit
def _scan(
    logits,  # [R, V] float32
    temperatures,  # [R]
    best,  # [R, C, KEPT] int64
    sums,  # [R, C, 2] float32: the largest value, and the sum of the weights beside it
    vocabulary,
    chunks,
    CHUNK: tl.constexpr,
    KEPT: tl.constexpr,
):
    chunk, row = tl.program_id(0), tl.program_id(1).to(tl.int64)
    temperature = tl.load(temperatures + row)
    values, tokens, inside = _scaled(logits, row, chunk * CHUNK, vocabulary, temperature, CHUNK)
    top = tl.max(values, axis=0)
    place = row * chunks + chunk
    tl.store(sums + place * 2, top)
    tl.store(sums + place * 2 + 1, tl.sum(_weights(values, top), axis=0).to(tl.float32))
    kept = tl.topk(_keys(values, tokens, inside), KEPT)
    tl.store(best + place * KEPT + tl.arange(0, KEPT), kept)


@jit
def _draw_whole(
    logits, row, tops, totals, top, target, vocabulary, chunks, temperature,
    BLOCK_C: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    """The token, in the vocabulary's order, where the cumulative weights pass ``target``."""
    at = tl.arange(0, BLOCK_C)
    shares = totals.to(tl.float64) * _weights(tops, top)
    ends = tl.cumsum(shares, 0)
    target = target * tl.sum(shares, axis=0)
    chunk = tl.sum((ends <= target).to(tl.int32), axis=0)
    last = tl.max(tl.where(shares > 0, at, 0), axis=0)
    chunk = tl.minimum(chunk, last)
    before = tl.sum(tl.where(at < chunk, shares, 0.0), axis=0)
    values, _, _ = _scaled(logits, row, chunk * CHUNK, vocabulary, temperature, CHUNK)
    weights = _weights(values, top)
    passed = tl.sum((before + tl.cumsum(weights, 0) <= target).to(tl.int32), axis=0)
    last = tl.max(tl.where(weights > 0, tl.arange(0, CHUNK), 0), axis=0)
    return chunk * CHUNK + tl.minimum(passed, last)


@jit
def _draw(
    logits,
    temperatures,
    top_ks,
    top_ps,
    min_ps,
    seeds,
    counters,
    best,
    sums,
    tokens,  # [R] int64
    doubts,  # [R] int32: the third kernel shall look
    vocabulary,
    chunks,
    CHUNK: tl.constexpr,
    KEPT: tl.constexpr,
    BLOCK_C: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    temperature, top_k = tl.load(temperatures + row), tl.load(top_ks + row)
    top_p, min_p = tl.load(top_ps + row).to(tl.float64), tl.load(min_ps + row).to(tl.float64)
    at = tl.arange(0, BLOCK_C)
    there = at < chunks
    place = (row * chunks + at) * 2
    tops = tl.load(sums + place, mask=there, other=float("-inf"))
    totals = tl.load(sums + place + 1, mask=there, other=0.0)
    top = tl.max(tops, axis=0)
    target = _uniform(tl.load(seeds + row), tl.load(counters + row))
    doubt = 0
    if (temperature > 0) & (top_k == 0) & (top_p >= 1) & (min_p == 0) & (top > float("-inf")):
        token = _draw_whole(
            logits, row, tops, totals, top, target, vocabulary, chunks, temperature,
            BLOCK_C, CHUNK,
        ).to(tl.int64)  # fmt: skip
    else:
        slot = tl.arange(0, BLOCK_C * KEPT)
        keys = tl.load(best + row * chunks * KEPT + slot, mask=slot < chunks * KEPT, other=_LOWEST)
        # What is not among the kept is below its slice's last one.
        hidden = tl.max(tl.where(slot % KEPT == KEPT - 1, keys, _LOWEST), axis=0)
        keys = tl.sort(keys, descending=tl.constexpr(True))
        weights = tl.where(keys > _LOWEST, _weights(_value_of(keys), top), 0.0)
        ends = tl.cumsum(weights, 0)
        whole = tl.sum(totals.to(tl.float64) * _weights(tops, top), axis=0)
        within = slot < tl.where(top_k > 0, top_k, BLOCK_C * KEPT)
        mass = whole
        if top_k > 0:
            mass = tl.sum(tl.where(within, weights, 0.0), axis=0)
        nucleus = tl.where(top_p < 1, top_p * mass, float("inf"))
        by_order = within & (ends - weights < nucleus)
        kept = (by_order & (weights >= min_p) & (keys > _LOWEST)) | (slot == 0)
        count = tl.sum(kept.to(tl.int32), axis=0)
        if (temperature == 0) | (top == float("-inf")):
            count = 1
        kept = slot < count
        total = tl.sum(tl.where(kept, weights, 0.0), axis=0)
        picked = tl.sum((kept & (ends <= target * total)).to(tl.int32), axis=0)
        picked = tl.minimum(picked, count - 1)
        token = _token_of(tl.sum(tl.where(slot == picked, keys, 0), axis=0))
        # Certain if nothing hidden could stand before the last place that was decided upon.
        # What ended with the last that is kept here may go on among the hidden.
        ended = (tl.sum(by_order.to(tl.int32), axis=0) == count) & (count < BLOCK_C * KEPT)
        needed = tl.where(ended, count - 1, count)
        needed = tl.maximum(needed, tl.where(top_k > 0, top_k - 1, 0))
        lowest = tl.sum(tl.where(slot == needed, keys, 0), axis=0)
        beyond = (needed >= BLOCK_C * KEPT) | (lowest < hidden)
        doubt = ((temperature > 0) & (top > float("-inf")) & beyond).to(tl.int32)
    tl.store(tokens + row, token)
    tl.store(doubts + row, doubt)


@jit
def _above(logits, row, least, floor, top, vocabulary, temperature, CHUNK: tl.constexpr):
    """How many tokens have a key of ``least`` or more and a weight of ``floor``; their weight."""
    count = tl.full((), 0, tl.int32)
    mass = tl.full((), 0.0, tl.float64)
    for start in range(0, vocabulary, CHUNK):
        values, tokens, inside = _scaled(logits, row, start, vocabulary, temperature, CHUNK)
        weights = _weights(values, top)
        chosen = inside & (_keys(values, tokens, inside) >= least) & (weights >= floor)
        count += tl.sum(chosen.to(tl.int32), axis=0)
        mass += tl.sum(tl.where(chosen, weights, 0.0), axis=0)
    return count, mass


@jit
def _search(
    logits, row, floor, number, mass, least, top, vocabulary, temperature, CHUNK: tl.constexpr
):
    """The largest key >= ``least`` from which on there are ``number`` tokens and ``mass``."""
    found = least
    count, weight = _above(logits, row, 0, floor, top, vocabulary, temperature, CHUNK)
    if (least < 0) & (count >= number) & (weight >= mass):
        found = tl.full((), 0, tl.int64)
    for bit in range(63):
        trial = found + (tl.full((), 1, tl.int64) << (62 - bit))
        count, weight = _above(logits, row, trial, floor, top, vocabulary, temperature, CHUNK)
        if (trial > found) & (count >= number) & (weight >= mass):
            found = trial
    return found


@jit
def _draw_rest(
    logits, temperatures, top_ks, top_ps, min_ps, seeds, counters, sums, tokens, doubts,
    vocabulary, chunks, CHUNK: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    if tl.load(doubts + row) == 0:
        return
    temperature, top_k = tl.load(temperatures + row), tl.load(top_ks + row)
    top_p, min_p = tl.load(top_ps + row).to(tl.float64), tl.load(min_ps + row).to(tl.float64)
    at = tl.arange(0, BLOCK_C)
    tops = tl.load(sums + (row * chunks + at) * 2, mask=at < chunks, other=float("-inf"))
    top = tl.max(tops, axis=0)
    least = tl.full((), _LOWEST, tl.int64)
    if (top_k > 0) & (top_k < vocabulary):
        least = _search(logits, row, 0.0, top_k, 0.0, least, top, vocabulary, temperature, CHUNK)
    _, mass = _above(logits, row, least, 0.0, top, vocabulary, temperature, CHUNK)
    if top_p < 1:
        least = _search(
            logits, row, 0.0, 1, top_p * mass, least, top, vocabulary, temperature, CHUNK
        )
    _, total = _above(logits, row, least, min_p, top, vocabulary, temperature, CHUNK)
    target = _uniform(tl.load(seeds + row), tl.load(counters + row)) * total
    # Strictly more than the target: the next number of float64 above it.
    target = (target.to(tl.int64, bitcast=True) + 1).to(tl.float64, bitcast=True)
    key = _search(
        logits, row, min_p, 1, tl.minimum(target, total), least, top, vocabulary, temperature, CHUNK
    )
    tl.store(tokens + row, _token_of(key))


def sample(
    logits: torch.Tensor,
    temperatures: torch.Tensor,
    top_ks: torch.Tensor,
    top_ps: torch.Tensor,
    min_ps: torch.Tensor,
    seeds: torch.Tensor,
    counters: torch.Tensor,
) -> torch.Tensor:
    """See `kernels.reference.sampling`; all contiguous."""
    rows, vocabulary = logits.shape
    chosen = configuration("sampling", architecture_of(logits.device), rows)
    chunk, kept = chosen["CHUNK"], chosen["KEPT"]
    warps = chosen["num_warps"]
    chunks = triton.cdiv(vocabulary, chunk)
    best = logits.new_empty(rows, chunks, kept, dtype=torch.int64)
    sums = logits.new_empty(rows, chunks, 2)
    tokens = logits.new_empty(rows, dtype=torch.int64)
    doubts = logits.new_empty(rows, dtype=torch.int32)
    wishes = (temperatures, top_ks, top_ps, min_ps, seeds, counters)
    sizes = {"CHUNK": chunk, "BLOCK_C": triton.next_power_of_2(chunks), "num_warps": warps}
    _scan[(chunks, rows)](logits, temperatures, best, sums, vocabulary, chunks, **chosen)
    _draw[(rows,)](
        logits, *wishes, best, sums, tokens, doubts, vocabulary, chunks, KEPT=kept, **sizes
    )
    _draw_rest[(rows,)](logits, *wishes, sums, tokens, doubts, vocabulary, chunks, **sizes)
    return tokens


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
        {"logits": logits, **wishes}, floor_bytes=bytes_of(logits, *wishes.values()) + 8 * rows
    )


_WISHES = {
    "logits": "*fp32",
    "temperatures": "*fp32",
    "top_ks": "*i32",
    "top_ps": "*fp32",
    "min_ps": "*fp32",
    "seeds": "*i64",
    "counters": "*i32",
    "sums": "*fp32",
    "tokens": "*i64",
    "doubts": "*i32",
    "vocabulary": "i32",
    "chunks": "i32",
}
_COMPILED = {"divisible": ("vocabulary", "chunks"), "tuned": "sampling"}

KERNELS = (
    KernelSpec(
        name="sampling",
        does="logits to a token of each row",
        run=sample,
        reference=reference,
        case=_case,
        shapes={
            "counted": {"rows": 2, "vocabulary": 32768},
            "decode": {"rows": 16, "vocabulary": 129280},
            "prefill": {"rows": 256, "vocabulary": 129280},
        },
        compilations=[
            Compilation(
                _scan,
                {name: _WISHES[name] for name in ("logits", "temperatures", "sums")}
                | {"best": "*i64", "vocabulary": "i32", "chunks": "i32"},
                **_COMPILED,
            ),
            Compilation(_draw, _WISHES | {"best": "*i64"}, {"BLOCK_C": 32}, **_COMPILED),
            Compilation(_draw_rest, _WISHES, {"BLOCK_C": 32}, **_COMPILED),
        ],
    ),
)
