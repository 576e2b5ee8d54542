# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
"""The indexer's scores: how much each token wants each compressed entry of its sequence.

A program multiplies one token's heads with a stretch of entries; products of heads are cut at zero
and added up by the heads' weights before anything is written.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.stores import store_of
from inference.kernels.cuda.tuning import architecture_of, configuration
from inference.kernels.reference.deepseek_v4_seams import Entries, Rows, score_entries
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_NAME = "index_scores"


@jit(
    varying=(
        "table_width",
        "most",
    )
)
def scores_kernel(
    queries,  # [T, HEADS, WIDTH]
    weights,  # [T, HEADS] float32
    entries,
    positions,  # [T] int64
    sequences,
    tables,  # [sequences, table_width] int64
    scores,  # [T, most] float32
    scale,
    table_width,
    most,
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    RATE: tl.constexpr,
    PER_BLOCK: tl.constexpr,
    LENGTH: tl.constexpr,
    STRIDE: tl.constexpr,
    TILES: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    first = tl.program_id(1) * TILES * BLOCK_N
    ready = tl.minimum(((tl.load(positions + row) + 1) // RATE).to(tl.int32), most)
    if first < ready:
        head, columns = tl.arange(0, BLOCK_H), tl.arange(0, BLOCK_D)
        inside = columns < WIDTH
        q = tl.load(
            queries + (row * HEADS + head)[:, None] * WIDTH + columns[None, :],
            mask=(head < HEADS)[:, None] & inside[None, :],
            other=0.0,
        )
        weight = tl.load(weights + row * HEADS + head, mask=head < HEADS, other=0.0) * scale
        table = tables + tl.load(sequences + row) * table_width
        for tile in range(tl.minimum(TILES, tl.cdiv(ready - first, BLOCK_N))):
            number = first + tile * BLOCK_N + tl.arange(0, BLOCK_N)
            known = number < ready
            block = tl.load(table + number // PER_BLOCK, mask=known, other=0)
            place = block * PER_BLOCK + number % PER_BLOCK
            at = (place // LENGTH) * STRIDE + (place % LENGTH) * WIDTH
            k = tl.load(
                entries + at[:, None] + columns[None, :],
                mask=known[:, None] & inside[None, :],
                other=0.0,
            )
            products = tl.dot(q, tl.trans(k), input_precision="ieee")
            score = tl.sum(tl.maximum(products, 0.0) * weight[:, None], axis=0)
            tl.store(scores + row * most + number, score, mask=known)


def entry_scores(
    queries: torch.Tensor, weights: torch.Tensor, rows: Rows, entries: Entries, most: int
) -> torch.Tensor:
    """See `score_entries`; what is not there yet is left as it was in memory."""
    tokens, heads, width = queries.shape
    scores = queries.new_empty(tokens, most, dtype=torch.float32)
    if not scores.numel():
        return scores
    chosen = configuration(_NAME, architecture_of(queries.device), tokens)
    store, layout = store_of(entries.store)
    assert not layout.pop("PACKED"), "the indexer's keys are numbers"
    grid = (tokens, triton.cdiv(most, chosen["TILES"] * chosen["BLOCK_N"]))
    scores_kernel[grid](
        queries,
        weights,
        store,
        rows.positions,
        rows.sequences,
        rows.tables,
        scores,
        width**-0.5,
        rows.tables.shape[1],
        most,
        HEADS=heads,
        WIDTH=width,
        RATE=entries.rate,
        PER_BLOCK=entries.per_block,
        **layout,
        BLOCK_H=max(16, triton.next_power_of_2(heads)),
        BLOCK_D=max(16, triton.next_power_of_2(width)),
        **chosen,
    )
    return scores


def _run(rows: Rows, entries: Entries, most: int, **arguments: torch.Tensor) -> torch.Tensor:
    scores = entry_scores(rows=rows, entries=entries, most=most, **arguments)
    ready = (rows.positions + 1) // entries.rate
    unseen = torch.arange(most, device=scores.device) >= ready[:, None]
    return scores.masked_fill(unseen, float("-inf"))


def _case(device: torch.device, *, tokens: int, entries: int, run: int = 1) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    count, per_block, heads, width = tokens // run, 64, 64, 128

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    lasts = torch.full((tokens,), entries * 4 + 3, device=device)
    positions = lasts - torch.arange(run - 1, -1, -1, device=device).repeat(count)
    sequences = torch.arange(count, device=device).repeat_interleave(run)
    blocks = -(-entries // per_block)
    tables = torch.randperm(count * blocks, device=device, generator=generator).view(count, -1)
    store = draw(1, count * blocks * per_block, width).bfloat16()
    queries, weights = draw(tokens, heads, width).bfloat16(), draw(tokens, heads) / 8
    ready = int(((positions + 1) // 4).clamp(max=entries).sum())
    return Case(
        {
            "queries": queries,
            "weights": weights,
            "rows": Rows(positions, sequences, lasts - run + 1, lasts, sequences, tables),
            "entries": Entries(store, per_block, 4),
            "most": entries,
        },
        bytes_of(queries, weights) + count * entries * 2 * width + 4 * ready,
        operations=ready * heads * (2 * width + 3),
    )


KERNELS = (
    KernelSpec(
        name=_NAME,
        does="the indexer's score of every entry for every token",
        run=_run,
        reference=score_entries,
        case=_case,
        shapes={
            "counted": {"tokens": 2, "entries": 200},
            "decode": {"tokens": 64, "entries": 16384},
            "prefill": {"tokens": 1024, "run": 1024, "entries": 16384},
        },
        compilations=[
            Compilation(
                scores_kernel,
                {
                    "queries": "*bf16",
                    "weights": "*fp32",
                    "entries": "*bf16",
                    "positions": "*i64",
                    "sequences": "*i64",
                    "tables": "*i64",
                    "scores": "*fp32",
                    "scale": "fp32",
                    "table_width": "i32",
                    "most": "i32",
                },
                {
                    "HEADS": 64,
                    "WIDTH": 128,
                    "RATE": 4,
                    "PER_BLOCK": 64,
                    "LENGTH": 1 << 20,
                    "STRIDE": 1 << 27,
                    "BLOCK_H": 64,
                    "BLOCK_D": 128,
                },
                tuned=_NAME,
                rows=rows,
            )
            for rows in (16, 4096)
        ],
        tolerance=1e-4,
    ),
)
