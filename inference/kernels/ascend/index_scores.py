# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""The indexer's scores: how much each token wants each compressed entry of its sequence.

A tile of entries lies within a block, where they stand side by side. Products of heads are cut at
zero and added up by the heads' weights before anything is written.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.ascend.turn_heads import turn_heads
from inference.kernels.reference.deepseek_v4_seams import Entries, Rows, score_entries
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of

_BLOCK_N = 64
_STRETCH = 512  # entries of a task, or more where a row has them for all cores


@jit(varying=("tokens", "most", "table_width", "each"))
def scores_kernel(
    queries,  # [T, HEADS, WIDTH], turned
    weights,  # [T, HEADS]
    entries,  # [blocks * PER_BLOCK, WIDTH]
    positions,  # [T] int64
    sequences,
    tables,  # [sequences, table_width] int64
    scores,  # [T, most] float32
    scale,
    tokens,
    most,
    table_width,
    each,  # blocks of a task
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    RATE: tl.constexpr,
    PER_BLOCK: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    PARTS: tl.constexpr = triton.cdiv(PER_BLOCK, BLOCK_N)
    head, columns, j = tl.arange(0, BLOCK_H), tl.arange(0, BLOCK_D), tl.arange(0, BLOCK_N)
    inside = (columns < WIDTH)[None, :]
    stretches = tl.cdiv(tl.cdiv(most, PER_BLOCK), each)
    for task in range(tl.program_id(0), tokens * stretches, tl.num_programs(0)):
        row = tl.cast(task // stretches, tl.int64)
        first = (task % stretches) * each
        ready = tl.minimum(((tl.load(positions + row) + 1) // RATE).to(tl.int32), most)
        blocks = tl.minimum(tl.cdiv(ready, PER_BLOCK) - first, each)
        at = head[:, None] * WIDTH + columns[None, :]
        q = tl.load(
            queries + row * HEADS * WIDTH + at, mask=(head < HEADS)[:, None] & inside, other=0.0
        )
        q = tl.trans(q)  # so that a tile of keys is an operand as it comes
        weight = tl.load(weights + row * HEADS + head, mask=head < HEADS, other=0.0)
        weight = weight.to(tl.float32) * scale
        table = tables + tl.load(sequences + row) * table_width + first
        for tile in range(blocks * PARTS):
            place = tl.load(table + tile // PARTS) * PER_BLOCK + (tile % PARTS) * BLOCK_N
            number = (first + tile // PARTS) * PER_BLOCK + (tile % PARTS) * BLOCK_N
            count = tl.minimum(PER_BLOCK - (tile % PARTS) * BLOCK_N, ready - number)
            k = tl.load(
                entries + place * WIDTH + j[:, None] * WIDTH + columns[None, :],
                mask=(j < count)[:, None] & inside,
                other=0.0,
            )
            products = tl.dot(k, q, input_precision="ieee")
            score = tl.sum(tl.maximum(products, 0.0) * weight[None, :], axis=1)
            tl.store(scores + row * most + number + j, score, mask=j < count)


def entry_scores(
    queries: torch.Tensor,
    weights: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    rows: Rows,
    entries: Entries,
    most: int,
) -> torch.Tensor:
    """See `score_entries`; what is not there yet is left as it was in memory. Numbers only."""
    tokens, heads, width = queries.shape
    scores = queries.new_empty(tokens, most, dtype=torch.float32)
    if not scores.numel():
        return scores
    assert isinstance(entries.store, torch.Tensor), "the indexer's keys are numbers"
    assert len(entries.store) == 1, "entries stand side by side"
    blocks = triton.cdiv(most, entries.per_block)
    each = min(blocks, triton.cdiv(_STRETCH, entries.per_block))
    turned = turn_heads(queries, cos, sin)
    scores_kernel[grid(tokens * triton.cdiv(blocks, each), queries.device, "cube")](
        turned, weights, entries.store, rows.positions, rows.sequences, rows.tables, scores,
        (width * heads) ** -0.5, tokens, most, rows.tables.shape[1], each, HEADS=heads,
        WIDTH=width, RATE=entries.rate, PER_BLOCK=entries.per_block,
        BLOCK_H=max(16, triton.next_power_of_2(heads)),
        BLOCK_N=max(16, min(_BLOCK_N, triton.next_power_of_2(entries.per_block))),
        BLOCK_D=max(16, triton.next_power_of_2(width)),
    )  # fmt: skip
    return scores


def _run(rows: Rows, entries: Entries, most: int, **arguments: torch.Tensor) -> torch.Tensor:
    scores = entry_scores(rows=rows, entries=entries, most=most, **arguments)
    ready = (rows.positions + 1) // entries.rate
    unseen = torch.arange(most, device=scores.device) >= ready[:, None]
    return scores.masked_fill(unseen, float("-inf"))


def _case(device: torch.device, *, tokens: int, entries: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    per_block, heads, width = 32, 64, 128

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    positions = torch.full((tokens,), entries * 4 + 3, device=device)
    sequences = torch.arange(tokens, device=device)
    blocks = -(-entries // per_block)
    tables = torch.randperm(tokens * blocks, device=device, generator=generator).view(tokens, -1)
    store = draw(1, tokens * blocks * per_block, width).bfloat16()
    angles = draw(tokens, 32)
    given = {
        "queries": draw(tokens, heads, width).bfloat16(), "weights": draw(tokens, heads),
        "cos": angles.cos(), "sin": angles.sin(),
    }  # fmt: skip
    rows = Rows(positions, sequences, positions, positions, sequences, tables)
    return Case(
        {**given, "rows": rows, "entries": Entries(store, per_block, 4), "most": entries},
        bytes_of(*given.values()) + tokens * entries * (2 * width + 4),
        operations=tokens * entries * heads * (2 * width + 3),
    )  # fmt: skip


_NUMBERS = ("positions", "sequences", "tables")
_SIGNATURE = {
    **dict.fromkeys(("queries", "weights", "entries"), "*bf16"),
    **dict.fromkeys(_NUMBERS, "*i64"),
    "scores": "*fp32",
    "scale": "fp32",
    **dict.fromkeys(("tokens", "most", "table_width", "each"), "i32"),
}

KERNELS = (
    KernelSpec(
        name="index_scores",
        does="the indexer's score of every entry for every token",
        run=_run,
        reference=score_entries,
        case=_case,
        shapes={"counted": {"tokens": 2, "entries": 500}},
        compilations=[
            Compilation(
                scores_kernel,
                _SIGNATURE,
                {
                    "HEADS": 64,
                    "WIDTH": 128,
                    "RATE": 4,
                    "PER_BLOCK": per_block,
                    "BLOCK_H": 64,
                    "BLOCK_N": min(_BLOCK_N, per_block),
                    "BLOCK_D": 128,
                },
            )
            for per_block in (32, 64)
        ],
        tolerance=3e-4,
    ),
)
