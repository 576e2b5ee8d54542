# pyright: reportArgumentType=none, reportAttributeAccessIssue=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""Scores the router's logits, chooses experts and weighs them; rows of a tile at a time.

The best are found one after the other; of equal ones the lowest expert is. Experts are compared as
float32, since comparisons of integers are no vector instructions.
"""

from typing import Any

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.reference.experts_top_k import choose_experts as reference
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_ROWS = 8  # of a tile
_EPS = tl.constexpr(1e-20)
_LOWEST = tl.constexpr(-3.4028234663852886e38)  # above what was chosen already


@jit
def _score(logits):
    """sqrt(softplus), 0 for what is not a number."""
    small = tl.exp(-tl.abs(logits))
    above = 1.0 + small
    # log(1 + small) without what rounding `above` loses (Kahan).
    rounded = tl.where(above == 1.0, 1.0, above - 1.0)
    grown = tl.where(above == 1.0, small, tl.log(above) * small / rounded)
    return tl.where(logits == logits, tl.sqrt(tl.maximum(logits, 0.0) + grown), 0.0)


@jit
def _kept(score, row, there, budget, k, HAS_BUDGET: tl.constexpr):
    """The k-th score of each row, 0 where its budget ends before; and whether it does not."""
    if HAS_BUDGET:
        kept = tl.load(budget + row, mask=there, other=0).to(tl.float32) > k
        score = tl.where(kept, score, 0.0)
    else:
        kept = score == score
    return score, kept


@jit
def _write(
    chosen, weights, experts, scores, row, rows, scaling, K: tl.constexpr, BLOCK_K: tl.constexpr
):
    """Rows of K experts (float32, -1: none) and of scores, which become weights."""
    at = tl.arange(0, BLOCK_K)
    place = row[:, None] * K + at[None, :]
    mask = (row < rows)[:, None] & (at < K)[None, :]
    total = tl.sum(scores, axis=1) + _EPS
    tl.store(chosen + place, experts.to(tl.int32), mask=mask)
    tl.store(weights + place, scores / total[:, None] * scaling, mask=mask)


@jit(varying=("rows",))
def _choose(
    logits,  # [T, E] float32
    bias,  # [E] float32
    budget,  # [T] int32
    chosen,  # [T, K] int32
    weights,  # [T, K] float32
    rows,
    experts,
    scaling,
    K: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    HAS_BUDGET: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    expert = tl.arange(0, BLOCK_E)
    number, slot = expert.to(tl.float32)[None, :], tl.arange(0, BLOCK_K).to(tl.float32)[None, :]
    for task in range(tl.program_id(0), tl.cdiv(rows, ROWS), tl.num_programs(0)):
        row = task * ROWS + tl.arange(0, ROWS)
        there = row < rows
        found = tl.load(
            logits + row[:, None] * experts + expert[None, :],
            mask=there[:, None] & (expert < experts)[None, :],
            other=float("nan"),
        )
        scores = _score(found)
        wanted = scores
        if HAS_BIAS:
            wanted += tl.load(bias + expert, mask=expert < experts, other=0.0)[None, :]
        known = (found == found) & (wanted == wanted)
        wanted = tl.where(known, tl.maximum(wanted, _LOWEST), _LOWEST)
        wanted = tl.where(number < experts, wanted, float("-inf"))
        best_experts = tl.full((ROWS, BLOCK_K), -1.0, tl.float32)
        best_scores = tl.zeros((ROWS, BLOCK_K), tl.float32)
        for k in range(K):
            most = tl.max(wanted, axis=1)
            best = tl.min(tl.where(wanted == most[:, None], number, 1e9), axis=1)
            here = number == best[:, None]
            score = tl.sum(tl.where(here, scores, 0.0), axis=1)
            score, kept = _kept(score, row, there, budget, k, HAS_BUDGET)
            mine = slot == k
            best_scores = tl.where(mine, score[:, None], best_scores)
            best_experts = tl.where(mine, tl.where(kept, best, -1.0)[:, None], best_experts)
            wanted = tl.where(here, float("-inf"), wanted)
        _write(chosen, weights, best_experts, best_scores, row, rows, scaling, K, BLOCK_K)


@jit(varying=("rows",))
def _choose_named(
    logits,
    table,  # [vocab, K] int32
    token_ids,  # [T] int32
    budget,
    chosen,
    weights,
    rows,
    experts,
    scaling,
    K: tl.constexpr,
    HAS_BUDGET: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    expert, slot = tl.arange(0, BLOCK_E), tl.arange(0, BLOCK_K)
    number, place = expert.to(tl.float32)[None, :], slot.to(tl.float32)
    used = place < K
    for row in range(tl.program_id(0), rows, tl.num_programs(0)):
        token = tl.load(token_ids + row).to(tl.int64)
        named = tl.load(table + token * K + slot, mask=slot < K, other=-1).to(tl.float32)
        mask = expert < experts
        found = tl.load(logits + row * experts + expert, mask=mask, other=0.0)
        scores = tl.where(number == named[:, None], _score(found)[None, :], 0.0)
        score = tl.where(used, tl.sum(scores, axis=1), -1.0)
        # How many stand before each: higher ones, and equal ones that the table names earlier.
        other, mine = score[None, :], score[:, None]
        earlier = (other == mine) & (place[None, :] < place[:, None])
        rank = tl.sum(((other > mine) | earlier).to(tl.float32), axis=1)
        moved = (rank[:, None] == place[None, :]) & used[:, None]
        ids = tl.sum(tl.where(moved, named[:, None], 0.0), axis=0)
        best = tl.sum(tl.where(moved, mine, 0.0), axis=0)
        kept = place < K
        if HAS_BUDGET:
            kept = place < tl.load(budget + row).to(tl.float32)
        best = tl.where(kept, best, 0.0)
        total = tl.sum(best, axis=0) + _EPS
        tl.store(chosen + row * K + slot, tl.where(kept, ids, -1.0).to(tl.int32), mask=slot < K)
        tl.store(weights + row * K + slot, best / total * scaling, mask=slot < K)


def choose_experts(
    logits: torch.Tensor,
    bias: torch.Tensor | None,
    table: torch.Tensor | None,
    token_ids: torch.Tensor | None,
    budget: torch.Tensor | None,
    *,
    top_k: int,
    scaling: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """See `kernels.reference.experts_top_k`; all contiguous."""
    rows, experts = logits.shape
    chosen = torch.empty(rows, top_k, dtype=torch.int32, device=logits.device)
    weights = torch.empty(rows, top_k, dtype=torch.float32, device=logits.device)
    sizes: dict[str, Any] = {
        "K": top_k,
        "BLOCK_E": max(8, triton.next_power_of_2(experts)),
        "BLOCK_K": max(8, triton.next_power_of_2(top_k)),
        "HAS_BUDGET": budget is not None,
    }
    written = (budget, chosen, weights, rows, experts, scaling)
    if table is not None and token_ids is not None:
        tasks = grid(rows, logits.device, "vector")
        _choose_named[tasks](logits, table, token_ids, *written, **sizes)
        return chosen, weights
    tasks = grid(triton.cdiv(rows, _ROWS), logits.device, "vector")
    _choose[tasks](logits, bias, *written, ROWS=_ROWS, HAS_BIAS=bias is not None, **sizes)
    return chosen, weights


def _case(device: torch.device, *, rows: int, hashed: bool) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    logits = torch.randn(rows, 256, device=device, generator=generator)
    bias = torch.randn(256, device=device, generator=generator)
    draw = torch.rand(1000, 256, device=device, generator=generator)
    table = draw.topk(6).indices.int().contiguous()
    tokens = torch.randint(1000, (rows,), device=device, generator=generator).int()
    chosen: dict[str, Any] = {"table": table, "token_ids": tokens} if hashed else {"bias": bias}
    arguments = dict.fromkeys(("bias", "table", "token_ids", "budget")) | chosen
    read = rows * (6 * 4 + 4) if hashed else bytes_of(bias)
    return Case(
        {"logits": logits, **arguments, "top_k": 6, "scaling": 1.5},
        floor_bytes=bytes_of(logits) + read + rows * 6 * 8,
    )


_POINTERS = {"logits": "*fp32", "chosen": "*i32", "weights": "*fp32"}
_NUMBERS = {"rows": "i32", "experts": "i32", "scaling": "fp32"}


def _spec(hashed: bool) -> KernelSpec:
    if hashed:
        function, more = _choose_named, {"table": "*i32", "token_ids": "*i32"}
    else:
        function, more = _choose, {"bias": "*fp32"}
    constants: dict[str, Any] = {"K": 6, "BLOCK_K": 8, "HAS_BUDGET": False, "budget": None}
    if not hashed:
        constants |= {"HAS_BIAS": True, "ROWS": _ROWS}
    signature = _POINTERS | more | _NUMBERS
    budgeted = constants | {"HAS_BUDGET": True}
    del budgeted["budget"]
    return KernelSpec(
        name="router_choice_hash" if hashed else "router_choice",
        does="the same where the token names the experts"
        if hashed
        else "logits to the best experts and their weights",
        run=choose_experts,
        reference=reference,
        case=_case,
        shapes={
            "counted": {"rows": 9, "hashed": hashed},
            "decode": {"rows": 16, "hashed": hashed},
            "prefill": {"rows": 4096, "hashed": hashed},
        },
        compilations=[
            Compilation(function, signature, constants | {"BLOCK_E": 256}),
            Compilation(function, signature | {"budget": "*i32"}, budgeted | {"BLOCK_E": 512}),
        ],
        tolerance=1e-5,
    )


KERNELS = (_spec(hashed=False), _spec(hashed=True))
