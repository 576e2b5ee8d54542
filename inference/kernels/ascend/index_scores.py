# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""The indexer's scores: how much each token wants each compressed entry of its sequence.

A tile of entries lies within a block, where they stand side by side, and within a page. Products of
heads are cut at zero and added up by the heads' weights before anything is written. Narrow entries
are widened to bfloat16 on their way to the cube, which has no numbers as narrow; an FP8 entry's
scale comes in when heads are added up, since it is positive.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.codes import decode_e4m3, scale_value
from inference.kernels.ascend.cores import grid
from inference.kernels.ascend.index_codes import GROUP, decode_e2m1
from inference.kernels.ascend.index_queries import CODECS, round_queries
from inference.kernels.ascend.stores import form_of
from inference.kernels.ascend.turn_heads import turn_heads
from inference.kernels.reference.deepseek_v4_seams import Entries, Rows, Store, score_entries
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of
from inference.quantization import PagedEntries

_TILES = {"numbers": 64, "index_fp8": 32, "index_mxfp4": 32}  # entries
# Of a task at least, and more where that still fills the cores: ten times its queries' bytes.
_STRETCHES = {"numbers": 640, "index_fp8": 1280, "index_mxfp4": 2560}


@triton.jit
def _queries(
    rows, HEADS: tl.constexpr, WIDTH: tl.constexpr, PART: tl.constexpr, BLOCK_H: tl.constexpr,
    BLOCK_D: tl.constexpr,
):  # fmt: skip
    """[BLOCK_D, BLOCK_H]: PART channels of each head, turned so that a tile of keys is an operand
    as it comes."""
    head, columns = tl.arange(0, BLOCK_H), tl.arange(0, BLOCK_D)
    known = (head < HEADS)[:, None] & (columns < PART)[None, :]
    return tl.trans(tl.load(rows + head[:, None] * WIDTH + columns[None, :], mask=known, other=0.0))


@triton.jit
def _products_e2m1(entries, words, place, count, even, odd, WIDTH: tl.constexpr,
    PAGE_BYTES: tl.constexpr, BLOCK_N: tl.constexpr,
):  # fmt: skip
    """[BLOCK_N, heads] of MXFP4 keys, of which even and odd channels meet their own queries.

    WIDTH is 128, so that the scales of a key are one word."""
    HALF: tl.constexpr = WIDTH // 2
    j, pair = tl.arange(0, BLOCK_N), tl.arange(0, HALF)
    page, row = (place // 64) * PAGE_BYTES, place % 64
    at = page + row * HALF + j[:, None] * HALF + pair[None, :]
    codes = tl.load(entries + at, mask=(j < count)[:, None], other=0).to(tl.int32)
    word = tl.load(words + page // 4 + 8 * WIDTH + row + j, mask=j < count, other=0)
    scale = scale_value((word[:, None] >> ((pair // (GROUP // 2)) * 8)[None, :]) & 0xFF)
    k = (decode_e2m1(codes & 0xF) * scale).to(tl.bfloat16)
    products = tl.dot(k, even, input_precision="ieee")
    k = (decode_e2m1(codes >> 4) * scale).to(tl.bfloat16)
    return tl.dot(k, odd, products, input_precision="ieee")


@jit(varying=("tokens", "most", "table_width", "each"))
def scores_kernel(
    queries,  # [T, HEADS, WIDTH], turned; as `round_queries` has them where entries are narrow
    weights,  # [T, HEADS]
    entries,  # [blocks * PER_BLOCK, WIDTH], or pages of 64 codes
    scales,  # the pages as float32 (FP8) or int32 (MXFP4)
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
    FORM: tl.constexpr,
    PAGE_BYTES: tl.constexpr,
    TILE: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    """TILE: so many of a tile's BLOCK_N entries lie within a block, and a page."""
    PARTS: tl.constexpr = triton.cdiv(PER_BLOCK, TILE)
    PART: tl.constexpr = WIDTH // 2 if FORM == "index_mxfp4" else WIDTH
    head, columns, j = tl.arange(0, BLOCK_H), tl.arange(0, BLOCK_D), tl.arange(0, BLOCK_N)
    inside = (columns < WIDTH)[None, :]
    stretches = tl.cdiv(tl.cdiv(most, PER_BLOCK), each)
    for task in range(tl.program_id(0), tokens * stretches, tl.num_programs(0)):
        row = tl.cast(task // stretches, tl.int64)
        first = (task % stretches) * each
        ready = tl.minimum(((tl.load(positions + row) + 1) // RATE).to(tl.int32), most)
        blocks = tl.minimum(tl.cdiv(ready, PER_BLOCK) - first, each)
        of_row = queries + row * HEADS * WIDTH
        q = _queries(of_row, HEADS, WIDTH, PART, BLOCK_H, BLOCK_D // (WIDTH // PART))
        odd = q
        if FORM == "index_mxfp4":
            odd = _queries(of_row + PART, HEADS, WIDTH, PART, BLOCK_H, PART)
        weight = tl.load(weights + row * HEADS + head, mask=head < HEADS, other=0.0)
        weight = weight.to(tl.float32) * scale
        table = tables + tl.load(sequences + row) * table_width + first
        for tile in range(blocks * PARTS):
            place = tl.load(table + tile // PARTS) * PER_BLOCK + (tile % PARTS) * TILE
            number = (first + tile // PARTS) * PER_BLOCK + (tile % PARTS) * TILE
            count = tl.minimum(PER_BLOCK - (tile % PARTS) * TILE, TILE)
            count = tl.minimum(count, ready - number)
            if FORM == "index_mxfp4":
                products = _products_e2m1(
                    entries, scales, place, count, q, odd, WIDTH, PAGE_BYTES, BLOCK_N
                )
            else:
                base = place * WIDTH
                if FORM == "index_fp8":
                    base = (place // 64) * PAGE_BYTES + (place % 64) * WIDTH
                at = entries + base + j[:, None] * WIDTH + columns[None, :]
                k = tl.load(at, mask=(j < count)[:, None] & inside, other=0)
                if FORM == "index_fp8":
                    k = decode_e4m3(k.to(tl.int32)).to(tl.bfloat16)
                products = tl.dot(k, q, input_precision="ieee")
            products = tl.maximum(products, 0.0, propagate_nan=tl.PropagateNan.ALL)
            score = tl.sum(products * weight[None, :], axis=1)
            if FORM == "index_fp8":
                at = (place // 64) * (PAGE_BYTES // 4) + 16 * WIDTH + place % 64
                score *= tl.load(scales + at + j, mask=j < count, other=0.0)
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
    """See `score_entries`; what is not there yet is left as it was in memory.

    Entries are numbers, or narrow ones of which it `runs_here`.
    """
    tokens, heads, width = queries.shape
    scores = queries.new_empty(tokens, most, dtype=torch.float32)
    if not scores.numel():
        return scores
    per_block = entries.per_block
    form, turned, codes, scales = _operands(queries, weights, cos, sin, entries.store)
    tile = max(16, min(_TILES[form], triton.next_power_of_2(per_block)))
    if form != "numbers":
        tile = min(_TILES[form], per_block & -per_block)  # a power of two that divides a page too
    blocks = triton.cdiv(most, per_block)
    cores = grid(tokens * blocks, queries.device, "cube")[0]
    each = max(triton.cdiv(_STRETCHES[form], per_block), triton.cdiv(tokens * blocks, cores))
    each = min(blocks, each)
    scores_kernel[grid(tokens * triton.cdiv(blocks, each), queries.device, "cube")](
        turned, weights, codes, scales, rows.positions, rows.sequences, rows.tables, scores,
        (width * heads) ** -0.5, tokens, most, rows.tables.shape[1], each, HEADS=heads,
        WIDTH=width, RATE=entries.rate, PER_BLOCK=per_block, FORM=form,
        PAGE_BYTES=0 if form == "numbers" else codes.shape[1], TILE=tile, BLOCK_N=max(16, tile),
        BLOCK_H=max(16, triton.next_power_of_2(heads)),
        BLOCK_D=max(16, triton.next_power_of_2(width)),
    )  # fmt: skip
    return scores


def _operands(
    queries: torch.Tensor, weights: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, store: Store
) -> tuple[str, torch.Tensor, torch.Tensor, torch.Tensor]:
    """FORM, and what the kernel takes as queries, entries and scales."""
    form = form_of(store)
    if isinstance(store, torch.Tensor):
        assert len(store) == 1, "entries stand side by side"
        return form, turn_heads(queries, cos, sin), store, weights
    scales = store.storage.view(torch.int32 if form == "index_mxfp4" else torch.float32)
    return form, round_queries(queries, cos, sin, form), store.storage, scales


def _run(rows: Rows, entries: Entries, most: int, **arguments: torch.Tensor) -> torch.Tensor:
    scores = entry_scores(rows=rows, entries=entries, most=most, **arguments)
    ready = (rows.positions + 1) // entries.rate
    unseen = torch.arange(most, device=scores.device) >= ready[:, None]
    return scores.masked_fill(unseen, float("-inf"))


def _case(device: torch.device, *, tokens: int, entries: int, form: str) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    per_block, heads, width = 32, 64, 128

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    positions = torch.full((tokens,), entries * 4 + 3, device=device)
    sequences = torch.arange(tokens, device=device)
    blocks = -(-entries // per_block)
    tables = torch.randperm(tokens * blocks, device=device, generator=generator).view(tokens, -1)
    keys = draw(1, tokens * blocks * per_block, width).bfloat16()
    store: Store = keys
    if form != "numbers":
        store = PagedEntries(keys.shape[1], CODECS[form](width), device, torch.float32)
        store[torch.arange(keys.shape[1], device=device)] = keys[0]
    angles = draw(tokens, 32)
    given = {
        "queries": draw(tokens, heads, width).bfloat16(), "weights": draw(tokens, heads),
        "cos": angles.cos(), "sin": angles.sin(),
    }  # fmt: skip
    rows = Rows(positions, sequences, positions, positions, sequences, tables)
    size = {"numbers": 2 * width, "index_fp8": width + 4, "index_mxfp4": width // 2 + 4}[form]
    return Case(
        {**given, "rows": rows, "entries": Entries(store, per_block, 4), "most": entries},
        bytes_of(*given.values()) + tokens * entries * (size + 4),
        operations=tokens * entries * heads * (2 * width + 3),
    )  # fmt: skip


_NUMBERS = ("positions", "sequences", "tables")
_SIGNATURE = {
    **dict.fromkeys(("queries", "weights"), "*bf16"),
    **dict.fromkeys(_NUMBERS, "*i64"),
    "scores": "*fp32",
    "scale": "fp32",
    **dict.fromkeys(("tokens", "most", "table_width", "each"), "i32"),
}
_STORES = {
    "numbers": {"entries": "*bf16", "scales": "*bf16"},
    "index_fp8": {"entries": "*u8", "scales": "*fp32"},
    "index_mxfp4": {"entries": "*u8", "scales": "*i32"},
}
_PAGES = {"numbers": 0, "index_fp8": 64 * 132, "index_mxfp4": 64 * 68}


def _compilation(form: str, per_block: int) -> Compilation:
    tile = min(_TILES[form], per_block)
    return Compilation(
        scores_kernel,
        {**_SIGNATURE, **_STORES[form]},
        {
            "HEADS": 64,
            "WIDTH": 128,
            "RATE": 4,
            "PER_BLOCK": per_block,
            "FORM": form,
            "PAGE_BYTES": _PAGES[form],
            "TILE": tile,
            "BLOCK_H": 64,
            "BLOCK_N": tile,
            "BLOCK_D": 128,
        },
    )


KERNELS = tuple(
    KernelSpec(
        name=name,
        does=f"the indexer's score of every {what}entry for every token",
        run=_run,
        reference=score_entries,
        case=_case,
        shapes={"counted": {"tokens": 1, "entries": entries, "form": form}},
        compilations=[_compilation(form, per_block) for per_block in (32, 64)],
        tolerance=tolerance,  # of narrow queries a code's last bit may differ
    )
    for name, form, what, entries, tolerance in (
        ("index_scores", "numbers", "", 640, 3e-4),
        ("index_scores_fp8", "index_fp8", "FP8 ", 1280, 2e-2),
        ("index_scores_mxfp4", "index_mxfp4", "MXFP4 ", 2560, 5e-2),
    )
)
