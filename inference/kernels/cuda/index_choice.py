# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none
# pyright: reportOperatorIssue=none
"""The best entries of each token by the indexer's scores: a radix selection, no sort.

Scores become unsigned numbers of the same order. Four histograms of eight bits each find the
number that the last chosen entry has; a second look takes what is above it, and of its equals as
many as are missing, in the order of the sequence. A row that fits a tile is read once, a longer one
five times, of which four find it in L2.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.index_scores import entry_scores
from inference.kernels.reference.deepseek_v4_seams import Entries, Rows, choose_best
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec

_LARGEST_TILE, _WARPS = 2048, 16
_SCRATCH = 1 << 23  # scores (32 MiB) that are written before some are chosen: they stay in L2


@triton.jit
def _ordered(scores, number, ready):
    """uint32 in the order of the scores; NaN is the least, and -0 is 0."""
    score = tl.load(scores + number, mask=number < ready, other=0.0) + 0.0
    bits = score.to(tl.int32, bitcast=True)
    turned = bits ^ ((bits >> 31) | -0x80000000)
    return tl.where(score == score, turned, 0).to(tl.uint32, bitcast=True)


@jit(varying=("most",))
def choice_kernel(
    scores,  # [T, most] float32
    readies,  # [T] int64
    chosen,  # [T, TOP] int32
    most,
    TOP: tl.constexpr,
    ONE_TILE: tl.constexpr,
    BLOCK: tl.constexpr,
    BLOCK_TOP: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    ready = tl.minimum(tl.load(readies + row), most).to(tl.int32)
    here = scores + row * most
    to = chosen + row * TOP
    n = tl.arange(0, BLOCK)
    picks = tl.arange(0, BLOCK_TOP)
    if ready <= TOP:
        tl.store(to + picks, tl.where(picks < ready, picks, -1), mask=picks < TOP)
    else:
        whole = tl.zeros((BLOCK,), tl.uint32)
        if ONE_TILE:
            whole = _ordered(here, n, ready)
        digits = tl.arange(0, 256)
        limit = tl.full((), 0, tl.uint32)  # bits of the last chosen score that are known
        missing = tl.full((), TOP, tl.int32)  # of the scores that begin with them, so many count
        for turn in tl.static_range(4):
            counts = tl.zeros((256,), tl.int32)
            for start in range(0, ready, BLOCK):
                value = whole
                if not ONE_TILE:
                    value = _ordered(here, start + n, ready)
                counted = start + n < ready
                if turn > 0:
                    counted = counted & ((value >> (32 - 8 * turn)) == (limit >> (32 - 8 * turn)))
                byte = ((value >> (24 - 8 * turn)) & 0xFF).to(tl.int32)
                counts += tl.histogram(byte, 256, mask=counted)
            above = tl.cumsum(counts, axis=0, reverse=True)  # with this digit or a higher one
            digit = tl.sum((above >= missing).to(tl.int32), axis=0) - 1
            missing -= tl.sum(tl.where(digits == digit + 1, above, 0), axis=0)
            limit = limit | (digit.to(tl.uint32) << (24 - 8 * turn))
        done = tl.full((), 0, tl.int32)
        for start in range(0, ready, BLOCK):
            value = whole
            if not ONE_TILE:
                value = _ordered(here, start + n, ready)
            seen = start + n < ready
            equal = (seen & (value == limit)).to(tl.int32)
            taken = (seen & (value > limit)).to(tl.int32)
            taken = taken | (equal & (tl.cumsum(equal, axis=0) <= missing).to(tl.int32))
            place = done + tl.cumsum(taken, axis=0) - 1
            tl.store(to + place, start + n, mask=taken > 0)
            done += tl.sum(taken, axis=0)
            missing -= tl.sum(equal & taken, axis=0)


def best_entries(scores: torch.Tensor, ready: torch.Tensor, top_k: int) -> torch.Tensor:
    """See `choose_best`."""
    tokens, most = scores.shape
    chosen = scores.new_empty(tokens, top_k, dtype=torch.int32)
    if tokens:
        tile = min(_LARGEST_TILE, max(128, triton.next_power_of_2(most)))
        choice_kernel[(tokens,)](
            scores,
            ready,
            chosen,
            most,
            TOP=top_k,
            ONE_TILE=most <= tile,
            BLOCK=tile,
            BLOCK_TOP=triton.next_power_of_2(top_k),
            num_warps=_WARPS,
        )
    return chosen


def choose_entries(
    queries: torch.Tensor,
    weights: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    rows: Rows,
    ready: torch.Tensor,
    entries: Entries,
    most: int,
    top_k: int,
) -> torch.Tensor:
    """The entries that each row attends to: [T, top_k] int32, as `Entries.chosen`.

    See `score_entries` and `choose_best`; rows in such portions that their scores stay in L2.
    """
    portion = max(1, _SCRATCH // max(most, 1))
    out = []
    for start in range(0, len(queries), portion):
        part = slice(start, start + portion)
        own = (queries[part], weights[part], cos[part], sin[part])
        scores = entry_scores(*own, rows.part(part), entries, most)
        out.append(best_entries(scores, ready[part], top_k))
    return torch.cat(out) if len(out) != 1 else out[0]


def _case(device: torch.device, *, tokens: int, entries: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    scores = torch.randn(tokens, entries, device=device, generator=generator)
    ready = torch.full((tokens,), entries, device=device)
    return Case(
        {"scores": scores, "ready": ready, "top_k": 512},
        tokens * (4 * entries + 8 + 4 * 512),
        operations=tokens * entries * 8,
    )


def _compilation(top_k: int, one_tile: bool) -> Compilation:
    return Compilation(
        choice_kernel,
        {"scores": "*fp32", "readies": "*i64", "chosen": "*i32", "most": "i32"},
        {
            "TOP": top_k,
            "ONE_TILE": one_tile,
            "BLOCK": _LARGEST_TILE,
            "BLOCK_TOP": top_k,
            "num_warps": _WARPS,
        },
    )


KERNELS = (
    KernelSpec(
        name="index_choice",
        does="the best entries of each token, by scores",
        run=best_entries,
        reference=choose_best,
        case=_case,
        shapes={
            "counted": {"tokens": 2, "entries": 2000},
            "decode": {"tokens": 64, "entries": 16384},
            "prefill": {"tokens": 1024, "entries": 4096},
        },
        compilations=[_compilation(512, one_tile=True), _compilation(1024, one_tile=False)],
    ),
)
