"""Adds the slices of the router's logits up, scores them, chooses experts and weighs them.

One program is one row. The best are found one after the other over keys that order as the scores
do and, of equal scores, put the lower expert first; so no two are the same and none is outside.
"""

from typing import Any

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.tuning import architecture_of, configuration
from inference.kernels.reference.experts_top_k import choose_experts
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_EPS = tl.constexpr(1e-20)


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
def _ordered(values):
    """int64 keys that order as float32 values do."""
    bits = values.to(tl.int32, bitcast=True)
    return tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits).to(tl.int64)


@jit
def _logits_at(slices, place, mask, step, SLICES: tl.constexpr):
    total = tl.load(slices + place, mask=mask, other=0.0)
    for slice in tl.static_range(1, SLICES):  # pyright: ignore
        total += tl.load(slices + slice * step + place, mask=mask, other=0.0)
    return total


@jit(varying=("rows",))
def _choose(
    slices,  # [SLICES, T, E] float32
    bias,  # [E] float32
    table,  # [vocab, K] int32
    token_ids,  # [T] int32
    budget,  # [T] int32
    chosen,  # [T, K] int32
    weights,  # [T, K] float32
    rows,
    experts,
    scaling,
    K: tl.constexpr,
    SLICES: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_K: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    HAS_TABLE: tl.constexpr,
    HAS_BUDGET: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    step = rows.to(tl.int64) * experts
    ranks = tl.arange(0, BLOCK_K)
    in_k = ranks < K
    kept = K
    if HAS_BUDGET:
        kept = tl.load(budget + row)
    ids = tl.full((BLOCK_K,), -1, tl.int32)
    scores = tl.zeros((BLOCK_K,), tl.float32)
    if HAS_TABLE:
        token = tl.load(token_ids + row).to(tl.int64)
        ids = tl.load(table + token * K + ranks, mask=in_k, other=0)
        scores = _score(_logits_at(slices, row * experts + ids, in_k, step, SLICES))
        scores = tl.where(in_k, scores, -1.0)
        above = (scores[None, :] > scores[:, None]) | (
            (scores[None, :] == scores[:, None]) & (ranks[None, :] < ranks[:, None])
        )
        ranks = tl.sum(above.to(tl.int32), axis=1)
    else:
        at = tl.arange(0, BLOCK_E)
        in_e = at < experts
        logits = _logits_at(slices, row * experts + at, in_e, step, SLICES)
        score = _score(logits)
        wanted = score
        if HAS_BIAS:
            wanted += tl.load(bias + at, mask=in_e, other=0.0)
        wanted = tl.where((logits == logits) & (wanted == wanted), wanted + 0.0, float("-inf"))
        # Above the lowest int64, which stands for what is taken already or is no expert.
        keys = (_ordered(wanted) << 32) | (0x7FFFFFFF - at).to(tl.int64)
        keys = tl.where(in_e, keys, -0x7FFFFFFFFFFFFFFF)
        for rank in tl.static_range(K):  # pyright: ignore
            best = tl.max(keys, axis=0)
            expert = 0x7FFFFFFF - best.to(tl.int32)  # pyright: ignore
            value = tl.sum(tl.where(at == expert, score, 0.0), axis=0)
            ids = tl.where(ranks == rank, expert, ids)
            scores = tl.where(ranks == rank, value, scores)
            keys = tl.where(at == expert, -0x7FFFFFFFFFFFFFFF, keys)
    run = in_k & (ranks < kept)
    scores = tl.where(run, scores, 0.0)
    share = scores / (tl.sum(scores, axis=0) + _EPS) * scaling
    place = row * K + ranks
    tl.store(chosen + place, tl.where(run, ids, -1), mask=in_k)
    tl.store(weights + place, share, mask=in_k)


def choose_experts_of_slices(
    slices: torch.Tensor,
    bias: torch.Tensor | None,
    table: torch.Tensor | None,
    token_ids: torch.Tensor | None,
    budget: torch.Tensor | None,
    *,
    top_k: int,
    scaling: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """`choose_experts` of the sum over the slices [slices, T, E]."""
    count, rows, experts = slices.shape
    chosen = slices.new_empty(rows, top_k, dtype=torch.int32)
    weights = slices.new_empty(rows, top_k)
    _choose[(rows,)](
        slices,
        bias,
        table,
        token_ids,
        budget,
        chosen,
        weights,
        rows,
        experts,
        scaling,
        K=top_k,
        SLICES=count,
        BLOCK_E=triton.next_power_of_2(experts),
        BLOCK_K=triton.next_power_of_2(top_k),
        HAS_BIAS=bias is not None,
        HAS_TABLE=table is not None,
        HAS_BUDGET=budget is not None,
        **configuration("router_choice", architecture_of(slices.device), rows),
    )
    return chosen, weights


def _reference(slices: torch.Tensor, **options: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return choose_experts(slices.sum(0), **options)


def _case(device: torch.device, *, rows: int, experts: int, slices: int, by_token: bool) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    logits = torch.randn(slices, rows, experts, device=device, generator=generator)
    bias = torch.randn(experts, device=device, generator=generator)
    table = torch.rand(1000, experts, device=device, generator=generator).argsort(1)[:, :6].int()
    tokens = torch.randint(1000, (rows,), device=device, generator=generator).int()
    arguments = {
        "slices": logits,
        "bias": None if by_token else bias,
        "table": table if by_token else None,
        "token_ids": tokens if by_token else None,
        "budget": None,
        "top_k": 6,
        "scaling": 1.5,
    }
    # By token, six scores of a row are needed; else all, and the bias once for each row.
    scores = rows * slices * 4 * (6 if by_token else experts)
    named = bytes_of(tokens) + rows * 6 * 4 if by_token else rows * bytes_of(bias)
    return Case(arguments, floor_bytes=scores + named + rows * 6 * 8)


_SIGNATURE = {
    "slices": "*fp32",
    "bias": "*fp32",
    "table": "*i32",
    "token_ids": "*i32",
    "budget": "*i32",
    "chosen": "*i32",
    "weights": "*fp32",
    "rows": "i32",
    "experts": "i32",
    "scaling": "fp32",
}


def _compilation(*, by_token: bool) -> Compilation:
    return Compilation(
        _choose,
        _SIGNATURE,
        {
            "K": 6,
            "SLICES": 16,
            "BLOCK_E": 256,
            "BLOCK_K": 8,
            "HAS_BIAS": not by_token,
            "HAS_TABLE": by_token,
            "HAS_BUDGET": True,
        },
        divisible=("experts",),
        tuned="router_choice",
        rows=16,
    )


def _spec(name: str, does: str, *, by_token: bool) -> KernelSpec:
    shape = {"experts": 256, "by_token": by_token}
    return KernelSpec(
        name=name,
        does=does,
        run=choose_experts_of_slices,
        reference=_reference,
        case=_case,
        shapes={
            "counted": {"rows": 5, "slices": 2, **shape},
            "decode": {"rows": 16, "slices": 16, **shape},
            "prefill": {"rows": 4096, "slices": 1, **shape},
        },
        compilations=[_compilation(by_token=by_token)],
        tolerance=1e-6,
    )


KERNELS = (
    _spec("router_choice", "logits to the best experts and their weights", by_token=False),
    _spec("router_choice_hash", "the same where the token names the experts", by_token=True),
)
