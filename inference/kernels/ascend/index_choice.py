# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""The best entries of each token by the indexer's scores: a search for the last one's score.

Vector cores neither sort nor scatter. So the score of the last chosen entry is found digit by digit
(`thresholds`), each a look at the scores, which lie in L2. What is at least that is moved together
by comparing each place with all: a number is the sum of the tile's where it is the one taken n-th.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.ascend.index_scores import entry_scores
from inference.kernels.ascend.stores import runs_here
from inference.kernels.ascend.thresholds import chosen_step, digit_steps, number_at
from inference.kernels.reference.deepseek_v4_seams import (
    Entries,
    Rows,
    choose_best,
    score_entries,
)
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec

_BLOCK, _TILE, _MOVED = 512, 128, 32
_SCRATCH = 1 << 23  # scores (32 MiB) that are written before some are chosen: they stay in L2


@triton.jit
def _scores(scores, start, ready, BLOCK: tl.constexpr):
    """[BLOCK] scores; one that is no number is minus infinity, and beyond ``ready`` none is."""
    n = tl.arange(0, BLOCK)
    score = tl.load(scores + start + n, mask=n < ready - start, other=0.0)
    score = tl.where(score == score, score, float("-inf"))
    seen = n.to(tl.float32) < tl.cast(ready - start, tl.float32)
    return tl.where(seen, score, float("nan"))


@triton.jit
def _last_score(scores, ready, TOP: tl.constexpr, BLOCK: tl.constexpr):
    """The score of the last of the TOP best, and how many are above it."""
    key = tl.full((), 0, tl.int32)
    for turn in range(8):
        tried = number_at(key + digit_steps(turn))[:, None]
        counts = tl.zeros((16,), tl.float32)
        for start in range(0, ready, BLOCK):
            above = _scores(scores, start, ready, BLOCK)[None, :] >= tried
            counts += tl.sum(tl.where(above, 1.0, 0.0), axis=1)
        key += chosen_step(tl.where(counts >= TOP, 1.0, 0.0), turn)
    last = number_at(key)
    parts = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, ready, BLOCK):
        parts += tl.where(_scores(scores, start, ready, BLOCK) > last, 1.0, 0.0)
    return last, tl.sum(parts, axis=0)


@triton.jit
def _move(to, numbers, taken, MOVED: tl.constexpr):
    """The ``numbers`` [N] float32 that are ``taken`` (1, else 0) side by side; how many."""
    lanes = tl.arange(0, MOVED)
    place = tl.cumsum(taken, 0) * taken  # from 1; 0: not taken
    count = tl.sum(taken, axis=0).to(tl.int32)
    for first in range(0, count, MOVED):
        wanted = (lanes + (first + 1)).to(tl.float32)
        here = place[None, :] == wanted[:, None]
        found = tl.sum(tl.where(here, numbers[None, :], 0.0), axis=1)
        tl.store(to + first + lanes, found.to(tl.int32), mask=lanes < count - first)
    return count


@jit(varying=("tokens", "most"))
def choice_kernel(
    scores,  # [T, most] float32
    readies,  # [T] int64
    chosen,  # [T, TOP] int32
    tokens,
    most,
    TOP: tl.constexpr,
    BLOCK: tl.constexpr,
    TILE: tl.constexpr,
    MOVED: tl.constexpr,
    BLOCK_TOP: tl.constexpr,
):
    picks, n = tl.arange(0, BLOCK_TOP), tl.arange(0, TILE)
    for task in range(tl.program_id(0), tokens, tl.num_programs(0)):
        row = tl.cast(task, tl.int64)
        ready = tl.minimum(tl.load(readies + row).to(tl.int32), most)
        here, to = scores + row * most, chosen + row * TOP
        if ready <= TOP:
            there = picks.to(tl.float32) < tl.cast(ready, tl.float32)
            tl.store(to + picks, tl.where(there, picks, -1), mask=picks < TOP)
        else:
            last, above = _last_score(here, ready, TOP, BLOCK)
            missing = TOP - above  # of those that have the last one's score
            done = tl.full((), 0, tl.int32)
            for start in range(0, ready, TILE):
                score = _scores(here, start, ready, TILE)
                equal = tl.where(score == last, 1.0, 0.0)
                taken = tl.where(score > last, 1.0, 0.0)
                taken += tl.where(tl.cumsum(equal, 0) <= missing, equal, 0.0)
                missing -= tl.sum(equal, axis=0)
                done += _move(to + done, (start + n).to(tl.float32), taken, MOVED)


def best_entries(scores: torch.Tensor, ready: torch.Tensor, top_k: int) -> torch.Tensor:
    """See `choose_best`; fewer than 2 ** 24 scores a row, whose numbers are float32 here."""
    tokens, most = scores.shape
    chosen = scores.new_empty(tokens, top_k, dtype=torch.int32)
    if tokens:
        choice_kernel[grid(tokens, scores.device, "vector")](
            scores, ready, chosen, tokens, most, TOP=top_k, BLOCK=_BLOCK, TILE=_TILE, MOVED=_MOVED,
            BLOCK_TOP=triton.next_power_of_2(top_k),
        )  # fmt: skip
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
    MXFP4 keys of another width than 128 are scored by torch.
    """
    score = entry_scores if runs_here(entries.store) else score_entries
    portion = max(1, _SCRATCH // max(most, 1))
    out = []
    for start in range(0, len(queries), portion):
        part = slice(start, start + portion)
        own = (queries[part], weights[part], cos[part], sin[part])
        scores = score(*own, rows.part(part), entries, most)
        out.append(best_entries(scores, ready[part], top_k))
    return torch.cat(out) if len(out) != 1 else out[0]


def _case(device: torch.device, *, tokens: int, entries: int, top_k: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    scores = torch.randn(tokens, entries, device=device, generator=generator)
    ready = torch.full((tokens,), entries, device=device)
    return Case(
        {"scores": scores, "ready": ready, "top_k": top_k},
        tokens * (4 * entries + 8 + 4 * top_k),
        operations=tokens * entries * 8,
    )


def _compilation(top_k: int) -> Compilation:
    return Compilation(
        choice_kernel,
        {
            "scores": "*fp32",
            "readies": "*i64",
            "chosen": "*i32",
            "tokens": "i32",
            "most": "i32",
        },
        {
            "TOP": top_k,
            "BLOCK": _BLOCK,
            "TILE": _TILE,
            "MOVED": _MOVED,
            "BLOCK_TOP": top_k,
        },
    )


KERNELS = (
    KernelSpec(
        name="index_choice",
        does="the best entries of each token, by scores",
        run=best_entries,
        reference=choose_best,
        case=_case,
        shapes={"counted": {"tokens": 1, "entries": 700, "top_k": 100}},
        compilations=[_compilation(512), _compilation(1024)],
    ),
)
