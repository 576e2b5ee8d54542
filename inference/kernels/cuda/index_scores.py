# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
"""The indexer's scores: how much each token wants each compressed entry of its sequence.

A program multiplies one token's heads with a stretch of entries; products of heads are cut at zero
and added up by the heads' weights before anything is written.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.device import scale_value, turn_pairs
from inference.kernels.cuda.index_codes import GROUP
from inference.kernels.cuda.index_queries import narrow_queries
from inference.kernels.cuda.stores import store_of
from inference.kernels.cuda.tuning import architecture_of, configuration
from inference.kernels.cuda.weight_tiles import decode_e2m1, dot_e4m3, spread
from inference.kernels.reference.deepseek_v4_seams import Entries, Rows, Store, score_entries
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of
from inference.quantization import Fp8IndexCodec, Mxfp4IndexCodec, PagedEntries


@jit
def _cut(products):
    """At zero; what is no number stays none, so that its entry is chosen last."""
    return tl.maximum(products, 0.0, propagate_nan=tl.PropagateNan.ALL)


@jit
def _mxfp4_queries(queries, heads, valid, WIDTH: tl.constexpr, BLOCK_D: tl.constexpr):
    """The even and the odd numbers of queries, [H, BLOCK_D / 2] bfloat16 each."""
    GROUPS: tl.constexpr = triton.cdiv(WIDTH, GROUP)
    pair, group = tl.arange(0, BLOCK_D // 2), tl.arange(0, BLOCK_D // GROUP)
    of = queries + (heads * (WIDTH // 2 + GROUPS))[:, None]
    codes = tl.load(of + pair[None, :], mask=valid & (pair < WIDTH // 2)[None, :], other=0)
    scales = tl.load(
        of + WIDTH // 2 + group[None, :], mask=valid & (group < GROUPS)[None, :], other=0
    )
    codes, factor = codes.to(tl.int32), tl.trans(spread(tl.trans(scale_value(scales)), GROUP // 2))
    even, odd = decode_e2m1(codes & 15) * factor, decode_e2m1(codes >> 4) * factor
    return even.to(tl.bfloat16), odd.to(tl.bfloat16)


@jit
def _mxfp4_products(
    even,  # [H, BLOCK_D / 2] bfloat16
    odd,
    page,  # [N] pointers
    place,  # [N] in the page
    known,  # [N]
    WIDTH: tl.constexpr,
    LENGTH: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    """[H, N] float32: even and odd numbers of a key are two products, as they share bytes."""
    GROUPS: tl.constexpr = triton.cdiv(WIDTH, GROUP)
    pair, group = tl.arange(0, BLOCK_D // 2), tl.arange(0, BLOCK_D // GROUP)
    codes = tl.load(
        (page + place * (WIDTH // 2))[None, :] + pair[:, None],
        mask=known[None, :] & (pair < WIDTH // 2)[:, None],
        other=0,
    ).to(tl.int32)
    scales = tl.load(
        (page + LENGTH * (WIDTH // 2) + place * GROUPS)[None, :] + group[:, None],
        mask=known[None, :] & (group < GROUPS)[:, None],
        other=0,
    )
    factor = spread(scale_value(scales), GROUP // 2)
    products = tl.dot(even, (decode_e2m1(codes & 15) * factor).to(tl.bfloat16))
    return tl.dot(odd, (decode_e2m1(codes >> 4) * factor).to(tl.bfloat16), products)


@jit(
    varying=(
        "table_width",
        "most",
    )
)
def scores_kernel(
    queries,  # [T, HEADS, WIDTH], or as `NarrowQueries` has them
    weights,  # [T, HEADS]
    cos,  # [T, ROPE / 2] float32
    sin,
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
    ROPE: tl.constexpr,
    RATE: tl.constexpr,
    PER_BLOCK: tl.constexpr,
    LENGTH: tl.constexpr,
    STRIDE: tl.constexpr,
    FORM: tl.constexpr,
    NATIVE: tl.constexpr,
    TILES: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    """Queries are turned here where keys are numbers; else they come as `narrow_queries`."""
    row = tl.program_id(0).to(tl.int64)
    first = tl.program_id(1) * TILES * BLOCK_N
    ready = tl.minimum(((tl.load(positions + row) + 1) // RATE).to(tl.int32), most)
    if first < ready:
        head, columns = tl.arange(0, BLOCK_H), tl.arange(0, BLOCK_D)
        inside = columns < WIDTH
        heads, valid = row * HEADS + head, (head < HEADS)[:, None]
        odd = 0
        if FORM == "index_mxfp4":
            q, odd = _mxfp4_queries(queries, heads, valid, WIDTH, BLOCK_D)
        else:
            q = tl.load(
                queries + heads[:, None] * WIDTH + columns[None, :],
                mask=valid & inside[None, :],
                other=0,
            )
        if FORM == "numbers":
            angles = row * (ROPE // 2)
            turned = turn_pairs(
                q.to(tl.float32), cos + angles, sin + angles, WIDTH, ROPE, BLOCK_D, False
            )
            q = turned.to(q.dtype)
        weight = tl.load(weights + heads, mask=head < HEADS, other=0.0)
        weight = weight.to(tl.float32) * scale
        table = tables + tl.load(sequences + row) * table_width
        for tile in range(tl.minimum(TILES, tl.cdiv(ready - first, BLOCK_N))):
            number = first + tile * BLOCK_N + tl.arange(0, BLOCK_N)
            known = number < ready
            block = tl.load(table + number // PER_BLOCK, mask=known, other=0)
            place = block * PER_BLOCK + number % PER_BLOCK
            page = entries + (place // LENGTH) * STRIDE
            if FORM == "numbers":
                k = tl.load(
                    (page + (place % LENGTH) * WIDTH)[:, None] + columns[None, :],
                    mask=known[:, None] & inside[None, :],
                    other=0.0,
                )
                products = tl.dot(q, tl.trans(k), input_precision="ieee")
                score = tl.sum(_cut(products) * weight[:, None], axis=0)
            elif FORM == "index_fp8":
                k = tl.load(
                    (page + (place % LENGTH) * WIDTH)[None, :] + columns[:, None],
                    mask=known[None, :] & inside[:, None],
                    other=0,
                )
                scales = (page + LENGTH * WIDTH).to(tl.pointer_type(tl.float32))
                factor = tl.load(scales + place % LENGTH, mask=known, other=0.0)
                products = _cut(dot_e4m3(q, k, NATIVE))
                score = tl.sum(products * weight[:, None], axis=0) * factor
            else:
                products = _mxfp4_products(
                    q, odd, page, place % LENGTH, known, WIDTH, LENGTH, BLOCK_D
                )
                score = tl.sum(_cut(products) * weight[:, None], axis=0)
            tl.store(scores + row * most + number, score, mask=known)


def entry_scores(
    queries: torch.Tensor,
    weights: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    rows: Rows,
    entries: Entries,
    most: int,
) -> torch.Tensor:
    """See `score_entries`; what is not there yet is left as it was in memory. All contiguous."""
    tokens, heads, width = queries.shape
    scores = queries.new_empty(tokens, most, dtype=torch.float32)
    if not scores.numel():
        return scores
    store, layout = store_of(entries.store)
    if layout["FORM"] != "numbers":
        narrow = narrow_queries(queries, weights, cos, sin, layout["FORM"])
        queries, weights = narrow.codes, narrow.weights
    chosen = configuration(_TUNED[layout["FORM"]], architecture_of(queries.device), tokens)
    grid = (tokens, triton.cdiv(most, chosen["TILES"] * chosen["BLOCK_N"]))
    scores_kernel[grid](
        queries,
        weights,
        cos,
        sin,
        store,
        rows.positions,
        rows.sequences,
        rows.tables,
        scores,
        (width * heads) ** -0.5,
        rows.tables.shape[1],
        most,
        HEADS=heads,
        WIDTH=width,
        ROPE=2 * cos.shape[-1],
        RATE=entries.rate,
        PER_BLOCK=entries.per_block,
        **layout,
        BLOCK_H=max(16, triton.next_power_of_2(heads)),
        BLOCK_D=max(32, triton.next_power_of_2(width)),
        **{"NATIVE": False} | chosen,
    )
    return scores


def _run(rows: Rows, entries: Entries, most: int, **arguments: torch.Tensor) -> torch.Tensor:
    scores = entry_scores(rows=rows, entries=entries, most=most, **arguments)
    ready = (rows.positions + 1) // entries.rate
    unseen = torch.arange(most, device=scores.device) >= ready[:, None]
    return scores.masked_fill(unseen, float("-inf"))


def _case(
    device: torch.device, *, tokens: int, entries: int, run: int = 1, form: str = "numbers"
) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    count, per_block, heads, width = tokens // run, 64, 64, 128

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    lasts = torch.full((tokens,), entries * 4 + 3, device=device)
    positions = lasts - torch.arange(run - 1, -1, -1, device=device).repeat(count)
    sequences = torch.arange(count, device=device).repeat_interleave(run)
    blocks = -(-entries // per_block)
    tables = torch.randperm(count * blocks, device=device, generator=generator).view(count, -1)
    pool = draw(1, count * blocks * per_block, width).bfloat16()
    store: Store = pool
    if form != "numbers":
        store = PagedEntries(pool.shape[1], _CODECS[form](width), device, torch.float32)
        store[torch.arange(pool.shape[1], device=device)] = pool[0]
    queries, weights = draw(tokens, heads, width).bfloat16(), draw(tokens, heads).bfloat16()
    angles = draw(tokens, 32)
    ready = int(((positions + 1) // 4).clamp(max=entries).sum())
    size = {"numbers": 2 * width, "index_fp8": width + 4, "index_mxfp4": width // 2 + 4}[form]
    return Case(
        {
            "queries": queries,
            "weights": weights,
            "cos": angles.cos(),
            "sin": angles.sin(),
            "rows": Rows(positions, sequences, lasts - run + 1, lasts, sequences, tables),
            "entries": Entries(store, per_block, 4),
            "most": entries,
        },
        bytes_of(queries, weights) + 2 * bytes_of(angles) + count * entries * size + 4 * ready,
        operations=ready * heads * (2 * width + 3),
    )


_SIGNATURE = {
    "cos": "*fp32",
    "sin": "*fp32",
    "positions": "*i64",
    "sequences": "*i64",
    "tables": "*i64",
    "scores": "*fp32",
    "scale": "fp32",
    "table_width": "i32",
    "most": "i32",
}


def _compilation(form: str, rows: int) -> Compilation:
    numbers = form == "numbers"
    return Compilation(
        scores_kernel,
        {
            **_SIGNATURE,
            "queries": "*bf16" if numbers else "*u8",
            "weights": "*bf16" if numbers else "*fp32",
            "entries": "*bf16" if numbers else "*u8",
        },
        {
            "HEADS": 64,
            "WIDTH": 128,
            "ROPE": 64,
            "RATE": 4,
            "PER_BLOCK": 64,
            "LENGTH": 1 << 20 if numbers else 64,
            "STRIDE": {"numbers": 1 << 27, "index_fp8": 64 * 132, "index_mxfp4": 64 * 68}[form],
            "FORM": form,
            "NATIVE": False,
            "BLOCK_H": 64,
            "BLOCK_D": 128,
        },
        tuned=_TUNED[form],
        rows=rows,
    )


_CODECS = {"index_fp8": Fp8IndexCodec, "index_mxfp4": Mxfp4IndexCodec}
_TUNED = {
    "numbers": "index_scores",
    "index_fp8": "index_scores_fp8",
    "index_mxfp4": "index_scores_mxfp4",
}
KERNELS = tuple(
    KernelSpec(
        name=name,
        does=f"the indexer's score of every {what}entry for every token",
        run=_run,
        reference=score_entries,
        case=_case,
        shapes={
            "counted": {"tokens": 2, "entries": entries, "form": form},
            "decode": {"tokens": 64, "entries": 16384, "form": form},
            "prefill": {"tokens": 1024, "run": 1024, "entries": 16384, "form": form},
        },
        compilations=[_compilation(form, rows) for rows in (16, 4096)],
        tolerance=tolerance,  # of narrow queries a code's last bit may differ
    )
    for (form, name), what, entries, tolerance in zip(
        _TUNED.items(), ("", "FP8 ", "MXFP4 "), (200, 1000, 1024), (2e-3, 2e-2, 5e-2), strict=True
    )
)
