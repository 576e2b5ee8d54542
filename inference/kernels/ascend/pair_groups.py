# pyright: reportArgumentType=none, reportAttributeAccessIssue=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""Where each (row, expert) pair lies in the experts' order, by counting, without sort or atomics.

One launch where there are few; else three: pairs of each expert in every chunk; where each chunk's
part of an expert begins, and the blocks; each pair's place. Numbers are compared as float32, which
is exact below 2 ** 24.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.reference.pair_groups import group_places as reference
from inference.kernels.reference.pair_groups import most_blocks
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_CHUNK = 512  # pairs of a task


def _sizes(experts: int) -> tuple[int, int, int]:
    """The experts' block, and the pairs and the blocks at a time that the unified buffer takes."""
    block = max(8, triton.next_power_of_2(experts))
    return block, min(32, 4096 // block), min(32, 2048 // block)


@jit
def _wanted(chosen, at, end, TILE: tl.constexpr):
    """Experts of pairs ``at`` and on, float32 [TILE, 1]; -1: none."""
    pair = at + tl.arange(0, TILE)
    return tl.load(chosen + pair, mask=pair < end, other=-1).to(tl.float32)[:, None]


@jit
def _counted(chosen, first, pairs, CHUNK: tl.constexpr, TILE: tl.constexpr, BLOCK_E: tl.constexpr):
    """How many of a chunk's pairs each expert has, float32 [BLOCK_E]."""
    number = tl.arange(0, BLOCK_E).to(tl.float32)[None, :]
    total = tl.zeros((BLOCK_E,), tl.float32)
    for at in range(first, first + CHUNK, TILE):
        same = _wanted(chosen, at, pairs, TILE) == number
        total += tl.sum(same.to(tl.float32), axis=0)
    return total


@jit
def _write_places(
    chosen,
    places,
    begin,  # float32 [BLOCK_E]: where the chunk's part of each expert begins
    first,
    pairs,
    CHUNK: tl.constexpr,
    TILE: tl.constexpr,
    BLOCK_E: tl.constexpr,
):
    number = tl.arange(0, BLOCK_E).to(tl.float32)[None, :]
    order = tl.arange(0, TILE)
    at_row, at_column = order.to(tl.float32)[:, None], order.to(tl.float32)[None, :]
    for at in range(first, first + CHUNK, TILE):
        expert = _wanted(chosen, at, pairs, TILE)
        same = (expert == number).to(tl.float32)
        alike = (expert == tl.trans(expert)) & (at_column < at_row)
        place = tl.sum(same * begin[None, :], axis=1) + tl.sum(alike.to(tl.float32), axis=1)
        # -1 where the pair has no expert, and so none of its own either.
        place = (place + 1.0) * tl.sum(same, axis=1) - 1.0
        pair = at + order
        tl.store(places + pair, place.to(tl.int32), mask=pair < pairs)
        begin += tl.sum(same, axis=0)


@jit
def _write_blocks(
    blocks,
    total,  # int32 [BLOCK_E]: rows of each expert
    starts,  # and where they begin
    most,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_E: tl.constexpr,
    TILE: tl.constexpr,
):
    numbers = (total + BLOCK_ROWS - 1) // BLOCK_ROWS
    ends = tl.cumsum(numbers, 0)
    rows, number = (
        total.to(tl.float32)[None, :],
        tl.arange(0, BLOCK_E).to(tl.float32)[None, :],
    )
    first, last = (ends - numbers).to(tl.float32)[None, :], ends.to(tl.float32)[None, :]
    start = starts.to(tl.float32)[None, :]
    for at in range(0, most, TILE):
        block = at + tl.arange(0, TILE)
        mine = block.to(tl.float32)[:, None]
        here = ((mine >= first) & (mine < last)).to(tl.float32)
        before = (mine - first) * BLOCK_ROWS
        count = tl.minimum(tl.maximum(rows - before, 0.0), BLOCK_ROWS)
        inside = block < most
        place = blocks + block * 3
        tl.store(place, (tl.sum(here * (number + 1), axis=1) - 1).to(tl.int32), mask=inside)
        tl.store(place + 1, tl.sum(here * (start + before), axis=1).to(tl.int32), mask=inside)
        tl.store(place + 2, tl.sum(here * count, axis=1).to(tl.int32), mask=inside)


@jit(varying=("pairs", "most"))
def _group_few(
    chosen,  # [P] int32
    places,  # [P] int32
    blocks,  # [most, 3] int32
    pairs,
    most,
    CHUNK: tl.constexpr,
    TILE: tl.constexpr,
    FEW: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
):
    total = _counted(chosen, 0, pairs, CHUNK, TILE, BLOCK_E).to(tl.int32)
    starts = tl.cumsum(total, 0) - total
    _write_blocks(blocks, total, starts, most, BLOCK_ROWS, BLOCK_E, FEW)
    _write_places(chosen, places, starts.to(tl.float32), 0, pairs, CHUNK, TILE, BLOCK_E)


@jit(varying=("pairs", "chunks"))
def _count(
    chosen,
    counts,  # [chunks, BLOCK_E] int32
    pairs,
    chunks,
    CHUNK: tl.constexpr,
    TILE: tl.constexpr,
    BLOCK_E: tl.constexpr,
):
    for chunk in range(tl.program_id(0), chunks, tl.num_programs(0)):
        total = _counted(chosen, chunk * CHUNK, pairs, CHUNK, TILE, BLOCK_E)
        tl.store(counts + chunk * BLOCK_E + tl.arange(0, BLOCK_E), total.to(tl.int32))


@jit(varying=("chunks", "most"))
def _begin(
    counts,  # [chunks, BLOCK_E] int32: becomes where each chunk's part of an expert begins
    blocks,
    chunks,
    most,
    BLOCK_E: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    FEW: tl.constexpr,
):
    expert = tl.arange(0, BLOCK_E)
    total = tl.zeros((BLOCK_E,), tl.int32)
    for chunk in range(chunks):
        total += tl.load(counts + chunk * BLOCK_E + expert)
    starts = tl.cumsum(total, 0) - total
    begin = starts
    for chunk in range(chunks):
        found = tl.load(counts + chunk * BLOCK_E + expert)
        tl.store(counts + chunk * BLOCK_E + expert, begin)
        begin += found
    _write_blocks(blocks, total, starts, most, BLOCK_ROWS, BLOCK_E, FEW)


@jit(varying=("pairs", "chunks"))
def _place(
    chosen,
    begins,  # [chunks, BLOCK_E] int32
    places,
    pairs,
    chunks,
    CHUNK: tl.constexpr,
    TILE: tl.constexpr,
    BLOCK_E: tl.constexpr,
):
    for chunk in range(tl.program_id(0), chunks, tl.num_programs(0)):
        begin = tl.load(begins + chunk * BLOCK_E + tl.arange(0, BLOCK_E)).to(tl.float32)
        _write_places(chosen, places, begin, chunk * CHUNK, pairs, CHUNK, TILE, BLOCK_E)


def group_places(
    chosen: torch.Tensor, experts: int, block_rows: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """See `kernels.reference.pair_groups`; ``chosen`` is contiguous."""
    pairs, device = chosen.numel(), chosen.device
    most, chunks = most_blocks(pairs, experts, block_rows), triton.cdiv(pairs, _CHUNK)
    block_e, tile, few = _sizes(experts)
    places = torch.empty(pairs, dtype=torch.int32, device=device)
    blocks = torch.empty(most, 3, dtype=torch.int32, device=device)
    shape = {"BLOCK_E": block_e, "BLOCK_ROWS": block_rows, "FEW": few}
    if chunks <= 1:
        size = max(tile, triton.next_power_of_2(pairs))
        _group_few[(1,)](chosen, places, blocks, pairs, most, CHUNK=size, TILE=tile, **shape)
        return places, blocks
    each = {"CHUNK": _CHUNK, "TILE": tile, "BLOCK_E": block_e}
    counts = torch.empty(chunks, block_e, dtype=torch.int32, device=device)
    cores = grid(chunks, device, "vector")
    _count[cores](chosen, counts, pairs, chunks, **each)
    _begin[(1,)](counts, blocks, chunks, most, **shape)
    _place[cores](chosen, counts, places, pairs, chunks, **each)
    return places, blocks


def _case(device: torch.device, *, rows: int, experts: int, block_rows: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    scores = torch.rand(rows, experts, device=device, generator=generator)
    chosen = scores.topk(6).indices.int()
    blocks = most_blocks(chosen.numel(), experts, block_rows)
    return Case(
        {"chosen": chosen, "experts": experts, "block_rows": block_rows},
        floor_bytes=3 * bytes_of(chosen) + blocks * 3 * 4,
    )


_CHOSEN = {"chosen": "*i32", "pairs": "i32"}
_CHUNKS = _CHOSEN | {"chunks": "i32"}
_BLOCKS = {"blocks": "*i32", "most": "i32"}


def _compilations(experts: int) -> list[Compilation]:
    block_e, tile, few = _sizes(experts)
    each = {"CHUNK": _CHUNK, "TILE": tile, "BLOCK_E": block_e}
    shape = {"BLOCK_ROWS": 64, "FEW": few}
    begun = {"counts": "*i32", "chunks": "i32"} | _BLOCKS
    return [
        Compilation(_group_few, _CHOSEN | _BLOCKS | {"places": "*i32"}, each | shape),
        Compilation(_count, _CHUNKS | {"counts": "*i32"}, each),
        Compilation(_begin, begun, {"BLOCK_E": block_e} | shape),
        Compilation(_place, _CHUNKS | {"begins": "*i32", "places": "*i32"}, each),
    ]


KERNELS = (
    KernelSpec(
        name="pair_groups",
        does="(row, expert) pairs' places in the experts' order, and blocks of them",
        run=group_places,
        reference=reference,
        case=_case,
        shapes={
            "counted": {"rows": 16, "experts": 64, "block_rows": 16},
            "decode": {"rows": 16, "experts": 256, "block_rows": 16},
            "prefill": {"rows": 4096, "experts": 256, "block_rows": 64},
        },
        compilations=[*_compilations(256), *_compilations(384)],
    ),
)
