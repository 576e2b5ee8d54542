# pyright: reportOperatorIssue=none
"""Brings (row, expert) pairs into the experts' order and cuts them into blocks for `grouped_*`.

Up to `_ONE` pairs (decode) one program sorts them in registers. More go in three steps: every
program counts its share, one adds the counts up, and every program sorts its share and puts it
where those before it end. No step depends on the order in which programs run.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.tuning import architecture_of, configuration
from inference.kernels.reference.pair_groups import group_pairs as reference
from inference.kernels.reference.pair_groups import most_blocks
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_ONE = 1024  # pairs that one program sorts


@jit
def _share(chosen, first, pairs, experts, CHUNK: tl.constexpr):
    """A chunk's experts, ``experts`` for none, and the largest number for what is outside."""
    at = first + tl.arange(0, CHUNK)
    expert = tl.load(chosen + at, mask=at < pairs, other=-1)
    return tl.where(at < pairs, tl.where(expert < 0, experts, expert), experts + 1)


@jit
def _counted(expert, experts, BLOCK_E: tl.constexpr):
    """How many of the chunk each expert has, [BLOCK_E]; places without expert are its next one."""
    return tl.histogram(tl.minimum(expert, experts + 1), BLOCK_E)


@jit
def _sorted(expert, CHUNK: tl.constexpr):
    """The chunk's experts in order, and where each was."""
    keys = tl.sort((expert << 16) | tl.arange(0, CHUNK))
    return keys >> 16, keys & 0xFFFF


@jit
def _write_blocks(
    blocks,
    counts,  # [BLOCK_E], 0 from ``experts`` on
    most,
    first,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_E: tl.constexpr,
    TILE: tl.constexpr,
):
    """The blocks ``first`` to ``first + TILE``."""
    numbers = (counts + BLOCK_ROWS - 1) // BLOCK_ROWS
    ends = tl.cumsum(numbers, 0)
    starts = tl.cumsum(counts, 0) - counts
    at = first + tl.arange(0, TILE)
    inside = at < most
    mine = (ends[None, :] > at[:, None]) & (ends[None, :] - numbers[None, :] <= at[:, None])
    expert = tl.sum(tl.where(mine, tl.arange(0, BLOCK_E)[None, :] + 1, 0), axis=1)
    before = (at[:, None] - (ends - numbers)[None, :]) * BLOCK_ROWS
    begin = tl.sum(tl.where(mine, starts[None, :] + before, 0), axis=1)
    rows = tl.sum(tl.where(mine, tl.minimum(counts[None, :] - before, BLOCK_ROWS), 0), axis=1)
    tl.store(blocks + at * 3, expert - 1, mask=inside)
    tl.store(blocks + at * 3 + 1, begin, mask=inside)
    tl.store(blocks + at * 3 + 2, rows, mask=inside)


@jit(varying=("pairs", "most"))
def _group_few(
    chosen,  # [P] int32
    order,  # [P] int32
    blocks,  # [most, 3] int32
    pairs,
    experts,
    most,
    CHUNK: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    TILE: tl.constexpr,
):
    expert = _share(chosen, 0, pairs, experts, CHUNK)
    place = tl.sort((expert << 16) | tl.arange(0, CHUNK)) & 0xFFFF
    at = tl.arange(0, CHUNK)
    tl.store(order + at, place, mask=at < pairs)
    counts = _counted(expert, experts, BLOCK_E)
    counts = tl.where(tl.arange(0, BLOCK_E) < experts, counts, 0)
    for first in range(0, most, TILE):
        _write_blocks(blocks, counts, most, first, BLOCK_ROWS, BLOCK_E, TILE)


@jit(varying=("pairs",))
def _count_chunks(chosen, counts, pairs, experts, CHUNK: tl.constexpr, BLOCK_E: tl.constexpr):
    chunk = tl.program_id(0)
    expert = _share(chosen, chunk * CHUNK, pairs, experts, CHUNK)
    found = _counted(expert, experts, BLOCK_E)
    tl.store(counts + chunk * BLOCK_E + tl.arange(0, BLOCK_E), found)


@jit(varying=("chunks", "most"))
def _add_chunks(
    counts,  # [chunks, BLOCK_E] int32
    begins,  # [chunks, BLOCK_E] int32: where each chunk's part of an expert begins
    blocks,  # [most, 3] int32
    chunks,
    experts,
    most,
    BLOCK_E: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    TILE: tl.constexpr,
):
    at = tl.arange(0, BLOCK_E)
    total = tl.zeros((BLOCK_E,), tl.int32)
    for chunk in range(chunks):
        total += tl.load(counts + chunk * BLOCK_E + at)
    begin = tl.cumsum(total, 0) - total
    for chunk in range(chunks):
        found = tl.load(counts + chunk * BLOCK_E + at)
        tl.store(begins + chunk * BLOCK_E + at, begin)
        begin += found
    total = tl.where(at < experts, total, 0)
    for first in range(0, most, TILE):
        _write_blocks(blocks, total, most, first, BLOCK_ROWS, BLOCK_E, TILE)


@jit(varying=("pairs",))
def _place_chunks(
    chosen, begins, order, pairs, experts, CHUNK: tl.constexpr, BLOCK_E: tl.constexpr
):
    chunk = tl.program_id(0)
    expert = _share(chosen, chunk * CHUNK, pairs, experts, CHUNK)
    found = _counted(expert, experts, BLOCK_E)
    # From a place in the sorted chunk to one in the whole: what lies before it in both.
    moves = tl.load(begins + chunk * BLOCK_E + tl.arange(0, BLOCK_E)) - tl.cumsum(found, 0) + found
    expert, place = _sorted(expert, CHUNK)
    target = tl.gather(moves, tl.minimum(expert, experts + 1), 0) + tl.arange(0, CHUNK)
    tl.store(order + target, chunk * CHUNK + place, mask=expert <= experts)


def group_pairs(
    chosen: torch.Tensor, experts: int, block_rows: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """See `kernels.reference.pair_groups`; ``chosen`` is contiguous."""
    pairs = chosen.numel()
    most = most_blocks(pairs, experts, block_rows)
    order = torch.empty(pairs, dtype=torch.int32, device=chosen.device)
    blocks = torch.empty(most, 3, dtype=torch.int32, device=chosen.device)
    chosen_options = configuration("pair_groups", architecture_of(chosen.device), pairs)
    tile, options = chosen_options.pop("TILE"), chosen_options
    block_e = triton.next_power_of_2(experts + 2)
    shape = {"BLOCK_E": block_e, "BLOCK_ROWS": block_rows, "TILE": tile}
    if pairs <= _ONE:
        size = max(16, triton.next_power_of_2(pairs))
        _group_few[(1,)](
            chosen, order, blocks, pairs, experts, most, CHUNK=size, **shape, **options
        )
        return order, blocks
    chunks = triton.cdiv(pairs, _ONE)
    counts = torch.empty(chunks, block_e, dtype=torch.int32, device=chosen.device)
    # Apart from the counts: threads that hold the same number would read what others wrote.
    begins = torch.empty_like(counts)
    each = {"CHUNK": _ONE, "BLOCK_E": block_e, **options}
    _count_chunks[(chunks,)](chosen, counts, pairs, experts, **each)
    _add_chunks[(1,)](counts, begins, blocks, chunks, experts, most, **shape, **options)
    _place_chunks[(chunks,)](chosen, begins, order, pairs, experts, **each)
    return order, blocks


def _case(device: torch.device, *, rows: int, experts: int, block_rows: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    scores = torch.rand(rows, experts, device=device, generator=generator)
    chosen = scores.topk(6).indices.int()
    blocks = most_blocks(chosen.numel(), experts, block_rows)
    return Case(
        {"chosen": chosen, "experts": experts, "block_rows": block_rows},
        floor_bytes=2 * bytes_of(chosen) + blocks * 3 * 4,
    )


_CHUNKED = {"pairs": "i32", "experts": "i32"}
_SIZES = {"CHUNK": _ONE, "BLOCK_E": 512}
_BLOCKED = {"BLOCK_E": 512, "BLOCK_ROWS": 64}

KERNELS = (
    KernelSpec(
        name="pair_groups",
        does="(row, expert) pairs by expert, and blocks of them",
        run=group_pairs,
        reference=reference,
        case=_case,
        shapes={
            "counted": {"rows": 16, "experts": 256, "block_rows": 16},
            "decode": {"rows": 16, "experts": 256, "block_rows": 16},
            "prefill": {"rows": 4096, "experts": 256, "block_rows": 64},
        },
        compilations=[
            Compilation(
                _group_few,
                {"chosen": "*i32", "order": "*i32", "blocks": "*i32", "most": "i32", **_CHUNKED},
                {"CHUNK": 128, "BLOCK_E": 512, "BLOCK_ROWS": 16},
                tuned="pair_groups",
            ),
            Compilation(
                _count_chunks,
                {"chosen": "*i32", "counts": "*i32", **_CHUNKED},
                _SIZES | {"num_warps": 4},
            ),
            Compilation(
                _add_chunks,
                {"counts": "*i32", "begins": "*i32", "blocks": "*i32", "chunks": "i32"}
                | {"experts": "i32", "most": "i32"},
                _BLOCKED,
                tuned="pair_groups",
            ),
            Compilation(
                _place_chunks,
                {"chosen": "*i32", "begins": "*i32", "order": "*i32", **_CHUNKED},
                _SIZES | {"num_warps": 4},
            ),
        ],
    ),
)
