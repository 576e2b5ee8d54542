# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none
# pyright: reportPossiblyUnboundVariable=none
"""Attention of many heads over one shared key: the sliding window, then the entries that are seen.

One program is one token and a block of its heads, so a key is loaded once for all of them, and is
its own value. Few tokens are cut along the keys too; `merge_kernel` joins the cuts.
"""

from typing import Any

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.device import load_packed
from inference.kernels.cuda.stores import store_of
from inference.kernels.cuda.tuning import architecture_of, configuration
from inference.kernels.reference.deepseek_v4_seams import Entries, Rows, Store, attend
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of
from inference.quantization import KeyCodec, PagedEntries

_NAME = "sparse_attention"
_LOG2E = 1.4426950408889634


@jit(varying=("table_width",))
def attention_kernel(
    queries,  # [T, H, d]
    keys,  # [T, d]
    ring,  # [states, RING_LENGTH, d], states RING_STRIDE apart
    entries,
    chosen,  # [T, MOST] int32
    sinks,  # [H] float32
    positions,  # [T] int64
    states,
    firsts,
    sequences,
    tables,  # [sequences, table_width] int64
    out,  # [T, H, d]; with SPLITS [T, SPLITS, H, d] float32
    marks,  # [T, SPLITS, 2, H] float32: the largest logit, and the weight above it
    scale,  # of products, by log2(e)
    table_width,
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    ROPE: tl.constexpr,
    WINDOW: tl.constexpr,
    KEPT: tl.constexpr,
    RING_LENGTH: tl.constexpr,
    RING_STRIDE: tl.constexpr,
    RATE: tl.constexpr,
    PER_BLOCK: tl.constexpr,
    MOST: tl.constexpr,
    LENGTH: tl.constexpr,
    STRIDE: tl.constexpr,
    FORM: tl.constexpr,
    SPLITS: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    """RATE 0: there are no entries. MOST 0: all are seen, else those in ``chosen``."""
    row = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * BLOCK_H + tl.arange(0, BLOCK_H)
    split = tl.program_id(2)
    columns, n = tl.arange(0, BLOCK_D), tl.arange(0, BLOCK_N)
    inside = columns < WIDTH
    position = tl.load(positions + row).to(tl.int32)
    at = head[:, None] * WIDTH + columns[None, :]
    valid = (head < HEADS)[:, None] & inside[None, :]
    q = tl.load(queries + row * HEADS * WIDTH + at, mask=valid, other=0.0)
    sink = tl.load(sinks + head, mask=(head < HEADS) & (split == 0), other=float("-inf"))
    most = sink * 1.4426950408889634
    weights = tl.where(sink == float("-inf"), 0.0, 1.0)
    total = tl.zeros((BLOCK_H, BLOCK_D), tl.float32)

    # The row sees keys of before, from the ring, then this batch's, then entries: in tiles, of
    # which this program's are those from `begin` to `end`. A tile has one source.
    low = tl.maximum(position - WINDOW + 1, 0)
    old_end = position + 1
    if not KEPT:
        old_end = tl.minimum(tl.load(firsts + row).to(tl.int32), old_end)
    new_start = tl.maximum(low, old_end)
    olds = tl.cdiv(tl.maximum(old_end - low, 0), BLOCK_N)
    raws = olds + tl.cdiv(position + 1 - new_start, BLOCK_N)
    ready = 0 * position
    if RATE > 0:
        ready = (position + 1) // RATE
        if MOST > 0:
            ready = tl.minimum(ready, MOST)
    tiles = raws + tl.cdiv(ready, BLOCK_N)
    share = tl.cdiv(tiles, SPLITS)
    from_ring = ring + tl.load(states + row) * RING_STRIDE
    table = tables + tl.load(sequences + row) * table_width
    for tile in range(split * share, tl.minimum((split + 1) * share, tiles)):
        is_old, is_raw = tile < olds, tile < raws
        p = tl.where(is_old, low + tile * BLOCK_N, new_start + (tile - olds) * BLOCK_N) + n
        known = is_raw & (p < tl.where(is_old, old_end, position + 1))
        at_row = tl.where(is_old, p % RING_LENGTH, tl.program_id(0) + p - position)
        source = tl.where(is_old, from_ring, keys)
        if RATE > 0:
            number = (tile - raws) * BLOCK_N + n
            is_entry = (number >= 0) & (number < ready)
            if MOST > 0:
                number = tl.load(chosen + row * MOST + number, mask=is_entry, other=-1)
                is_entry = number >= 0
            number = tl.where(is_entry, number, 0)
            block = tl.load(table + number // PER_BLOCK, mask=is_entry, other=0).to(tl.int32)
            place = block * PER_BLOCK + number % PER_BLOCK
            if FORM == "numbers":
                at_entry = (place // LENGTH) * (STRIDE // WIDTH) + place % LENGTH
                at_row = tl.where(is_raw, at_row, at_entry)
                source = tl.where(is_raw, source, entries)
                known = known | is_entry
        k = tl.load(
            source + at_row.to(tl.int64)[:, None] * WIDTH + columns[None, :],
            mask=known[:, None] & inside[None, :],
            other=0.0,
        )
        if FORM == "key_fp8":
            if tile >= raws:
                k = load_packed(
                    entries, place.to(tl.int64), is_entry, columns, WIDTH, ROPE, STRIDE
                ).to(q.dtype)
            known = known | is_entry
        logits = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        logits = tl.where(known[None, :], logits, float("-inf"))
        above = tl.maximum(most, tl.max(logits, axis=1))
        safe = tl.where(above == float("-inf"), 0.0, above)  # nothing seen yet: no NaN
        weight = tl.exp2(logits - safe[:, None])
        before = tl.exp2(most - safe)
        weights = weights * before + tl.sum(weight, axis=1)
        total = tl.dot(weight.to(k.dtype), k, total * before[:, None], input_precision="ieee")
        most = above
    if SPLITS == 1:
        total = total / tl.where(weights == 0.0, 1.0, weights)[:, None]
        tl.store(out + row * HEADS * WIDTH + at, total, mask=valid)
    else:
        part = row * SPLITS + split
        tl.store(out + part * HEADS * WIDTH + at, total, mask=valid)
        tl.store(marks + part * 2 * HEADS + head, most, mask=head < HEADS)
        tl.store(marks + (part * 2 + 1) * HEADS + head, weights, mask=head < HEADS)


@triton.jit
def merge_kernel(
    parts,  # [T, SPLITS, H, d] float32
    marks,  # [T, SPLITS, 2, H] float32
    out,  # [T, H, d]
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    SPLITS: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    row, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    splits, columns = tl.arange(0, SPLITS), tl.arange(0, BLOCK_D)
    mark = marks + (row * SPLITS + splits) * 2 * HEADS + head
    most, weights = tl.load(mark), tl.load(mark + HEADS)
    above = tl.max(most, axis=0)
    factor = tl.exp2(most - tl.where(above == float("-inf"), 0.0, above))
    weight = tl.sum(factor * weights, axis=0)
    at = ((row * SPLITS + splits) * HEADS + head)[:, None] * WIDTH + columns[None, :]
    part = tl.load(parts + at, mask=(columns < WIDTH)[None, :], other=0.0)
    total = tl.sum(part * factor[:, None], axis=0) / tl.where(weight == 0.0, 1.0, weight)
    tl.store(out + (row * HEADS + head) * WIDTH + columns, total, mask=columns < WIDTH)


def sparse_attention(
    queries: torch.Tensor,
    keys: torch.Tensor,
    rows: Rows,
    ring: torch.Tensor,
    entries: Entries | None,
    sinks: torch.Tensor,
    *,
    window: int,
    kept: bool,
    rope: int = 64,
    splits: int | None = None,
) -> torch.Tensor:
    """See `attend`.

    Args:
        rope: channels that FP8 entries keep as bfloat16.
        splits: into how many the keys of a token are cut, a power of two; ``None``: as tuned,
            but two tiles for each at least.
    """
    tokens, heads, width = queries.shape
    out = torch.empty_like(queries)
    if not tokens:
        return out
    store, layout = store_of(keys[None] if entries is None else entries.store)
    name = _NAME + "_fp8" * (layout["FORM"] == "key_fp8")
    chosen = configuration(name, architecture_of(queries.device), tokens)
    picks = None if entries is None else entries.chosen
    pairs = triton.cdiv(window + _most_entries(rows, entries), 2 * chosen["BLOCK_N"])
    most: Any = triton.next_power_of_2(pairs + 1) // 2
    cuts = int(splits or min(chosen["SPLITS"], most))
    chosen["SPLITS"], block_d = cuts, max(16, triton.next_power_of_2(width))
    parts, marks = out, sinks
    if cuts > 1:
        parts = queries.new_empty(tokens, cuts, heads, width, dtype=torch.float32)
        marks = queries.new_empty(tokens, cuts, 2, heads, dtype=torch.float32)
    attention_kernel[(tokens, triton.cdiv(heads, chosen["BLOCK_H"]), cuts)](
        queries,
        keys,
        ring,
        store,
        rows.positions if picks is None else picks,
        sinks,
        rows.positions,
        rows.states,
        rows.firsts,
        rows.sequences,
        rows.tables,
        parts,
        marks,
        width**-0.5 * _LOG2E,
        rows.tables.shape[1],
        HEADS=heads,
        WIDTH=width,
        ROPE=rope,
        WINDOW=window,
        KEPT=kept,
        RING_LENGTH=ring.shape[1],
        RING_STRIDE=ring.stride(0),
        RATE=0 if entries is None else entries.rate,
        PER_BLOCK=1 if entries is None else entries.per_block,
        MOST=0 if picks is None else picks.shape[1],
        **layout,
        BLOCK_D=block_d,
        **chosen,
    )
    if cuts > 1:
        merge_kernel[(tokens, heads)](
            parts, marks, out, HEADS=heads, WIDTH=width, SPLITS=cuts, BLOCK_D=block_d, num_warps=4
        )
    return out


def _most_entries(rows: Rows, entries: Entries | None) -> int:
    """No row sees more."""
    if entries is None:
        return 0
    whole = rows.tables.shape[1] * entries.per_block
    return whole if entries.chosen is None else min(whole, entries.chosen.shape[1])


def _case(
    device: torch.device,
    *,
    tokens: int,
    entries: int,
    rate: int,
    picks: int,
    run: int = 1,
    packed: bool = False,
    splits: int | None = None,
) -> Case:
    """Runs of ``run`` rows of sequences, each with that many entries before its last row."""
    generator = torch.Generator(device).manual_seed(0)
    count, per_block = tokens // run, 64

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator).bfloat16()

    lasts = torch.full((tokens,), entries * rate + rate - 1, device=device)
    positions = lasts - torch.arange(run - 1, -1, -1, device=device).repeat(count)
    sequences = torch.arange(count, device=device).repeat_interleave(run)
    blocks = -(-entries // per_block)
    tables = torch.randperm(count * blocks, device=device, generator=generator).view(count, -1)
    rows = Rows(positions, sequences, lasts - run + 1, lasts, sequences, tables)
    pool = draw(1, count * blocks * per_block, 512)
    store: Store = pool
    if packed:
        store = PagedEntries(pool.shape[1], KeyCodec(512, 64), device, torch.bfloat16)
        store[torch.arange(pool.shape[1], device=device)] = pool[0]
    chosen = None
    if picks:
        ready = (positions + 1) // rate
        order = torch.rand(tokens, entries + 1, device=device, generator=generator).argsort(1)
        order = order[:, : entries + 1].masked_fill(order >= ready[:, None], -1)
        chosen = order.sort(descending=True).values[:, :picks].int().contiguous()
    queries, keys, ring = draw(tokens, 64, 512), draw(tokens, 512), draw(count, 144, 512)
    sinks = torch.randn(64, device=device, generator=generator)
    arguments = {
        "queries": queries,
        "keys": keys,
        "rows": rows,
        "ring": ring,
        "entries": Entries(store, per_block, rate, chosen),
        "sinks": sinks,
        "window": 128,
        "kept": run == 1,
        "splits": splits,
    }
    seen = min(picks, entries) if picks else entries
    size = 584 if packed else 1024
    # Of a run, entries that any row sees count once; the window is the run and 127 keys before.
    distinct = tokens * seen if run == 1 else count * entries
    raw = tokens * 128 if run == 1 else tokens + count * 127
    floor = 2 * bytes_of(queries) + 1024 * raw + size * distinct + bytes_of(chosen, sinks)
    return Case(arguments, floor, operations=4 * tokens * 64 * 512 * (128 + seen))


_SIGNATURE = {
    "queries": "*bf16",
    "keys": "*bf16",
    "ring": "*bf16",
    "chosen": "*i32",
    "sinks": "*fp32",
    "positions": "*i64",
    "states": "*i64",
    "firsts": "*i64",
    "sequences": "*i64",
    "tables": "*i64",
    "marks": "*fp32",
    "scale": "fp32",
    "table_width": "i32",
}


def _compilation(heads: int, rate: int, picks: int, kept: bool, packed: bool) -> Compilation:
    return Compilation(
        attention_kernel,
        {
            **_SIGNATURE,
            "entries": "*u8" if packed else "*bf16",
            "out": "*fp32" if kept else "*bf16",
        },
        {
            "HEADS": heads,
            "WIDTH": 512,
            "ROPE": 64,
            "WINDOW": 128,
            "KEPT": kept,
            "RING_LENGTH": 144,
            "RING_STRIDE": 1 << 22,
            "RATE": rate,
            "PER_BLOCK": 64,
            "MOST": picks,
            "LENGTH": 64,
            "STRIDE": 37440 if packed else 64 * 512,
            "FORM": "key_fp8" if packed else "numbers",
            "BLOCK_D": 512,
        },
        tuned=_NAME + "_fp8" * packed,
        rows=16 if kept else 4096,
    )


def _reference(splits: int | None, **arguments: object) -> torch.Tensor:
    return attend(**arguments)  # pyright: ignore


_MERGE = Compilation(
    merge_kernel,
    {"parts": "*fp32", "marks": "*fp32", "out": "*bf16"},
    {"HEADS": 64, "WIDTH": 512, "SPLITS": 8, "BLOCK_D": 512, "num_warps": 4},
)
_CSA, _HCA = {"rate": 4, "picks": 512}, {"rate": 128, "picks": 0}
KERNELS = tuple(
    KernelSpec(
        name=f"{_NAME}_{name}",
        does=f"a sink, the window and {what} under one softmax",
        run=sparse_attention,
        reference=_reference,
        case=_case,
        shapes={
            "counted": {**kind, "tokens": 1, "entries": 70, "splits": 1},
            "decode": {**kind, "tokens": 64, "entries": 65536 // kind["rate"]},
            "prefill": {**kind, "tokens": 4096, "run": 4096, "entries": 65536 // kind["rate"]},
        },
        compilations=[
            _compilation(64, kind["rate"], kind["picks"], kept=True, packed=packed),
            _compilation(128, kind["rate"], 2 * kind["picks"], kept=False, packed=packed),
            *([_MERGE] if name == "csa" else []),
        ],
        tolerance=2e-2,
    )
    for name, what, kind, packed in (
        ("csa", "chosen entries", _CSA, False),
        ("csa_fp8", "chosen FP8 entries", {**_CSA, "packed": True}, True),
        ("hca", "all entries", _HCA, False),
    )
)
