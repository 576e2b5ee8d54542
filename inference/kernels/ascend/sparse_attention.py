# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""Attention of many heads over one shared key: the sliding window, then the entries that are seen.

A task is one token, a block of its heads and, where tokens are few, a part of its keys;
`merge_parts` joins parts. Keys come in stretches that lie side by side (those of before, which the
ring may cut in two, and those of this batch) and entries by their places. FP8 entries are widened
before (`gather_entries`), since a cube takes its operands from global memory.
"""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.cores import grid
from inference.kernels.ascend.merge_parts import merge_kernel
from inference.kernels.ascend.seen_entries import Seen
from inference.kernels.reference.deepseek_v4_seams import Entries, Rows, Store, attend
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of
from inference.quantization import KeyCodec, PagedEntries

_BLOCK_H, _BLOCK_N = 16, 32
_SPLITS = 16  # at the most
_WIDENED = 1 << 18  # FP8 entries (256 MiB of bfloat16) that are widened at a time


@triton.jit
def _tile(most, weights, total, q, k, count, scale, BLOCK_N: tl.constexpr):
    """A softmax so far, and with ``count`` keys more, the rows of ``k``; ``q`` is [d, heads].

    Keys times queries, not the other way: a tile of keys is then an operand as it comes."""
    known = tl.arange(0, BLOCK_N).to(tl.float32) < tl.cast(count, tl.float32)
    logits = tl.dot(k, q, input_precision="ieee") * scale
    logits = tl.where(known[:, None], logits, float("-inf"))
    above = tl.maximum(most, tl.max(logits, axis=0))
    safe = tl.where(above == float("-inf"), 0.0, above)  # nothing seen yet: no NaN
    weight = tl.exp(logits - safe[None, :])
    before = tl.exp(most - safe)
    weights = weights * before + tl.sum(weight, axis=0)
    total = total * before[:, None]
    total += tl.dot(tl.trans(weight.to(k.dtype)), k, input_precision="ieee")
    return above, weights, total


@triton.jit
def _share(count, split, SPLITS: tl.constexpr, BLOCK_N: tl.constexpr):
    """From which to which of ``count`` keys a part goes, in whole tiles."""
    each = tl.cdiv(tl.cdiv(tl.maximum(count, 0), BLOCK_N), SPLITS) * BLOCK_N
    begin = split * each
    return begin, tl.minimum(begin + each, count)


@triton.jit
def _stretch(
    most, weights, total, q, rows, count, split, scale, WIDTH: tl.constexpr,
    SPLITS: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Of ``count`` keys that stand side by side."""
    n, columns = tl.arange(0, BLOCK_N), tl.arange(0, BLOCK_D)
    at = n[:, None] * WIDTH + columns[None, :]
    begin, end = _share(count, split, SPLITS, BLOCK_N)
    for start in range(begin, end, BLOCK_N):
        known = (n < end - start)[:, None] & (columns < WIDTH)[None, :]
        k = tl.load(rows + start * WIDTH + at, mask=known, other=0.0)
        most, weights, total = _tile(most, weights, total, q, k, end - start, scale, BLOCK_N)
    return most, weights, total


@triton.jit
def _entries(
    most, weights, total, q, entries, places, count, split, scale, WIDTH: tl.constexpr,
    SPLITS: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Of ``count`` entries at places. The first one stands for those that a last tile lacks."""
    n, columns = tl.arange(0, BLOCK_N), tl.arange(0, BLOCK_D)
    begin, end = _share(count, split, SPLITS, BLOCK_N)
    for start in range(begin, end, BLOCK_N):
        place = tl.load(places + start + n, mask=n < end - start, other=tl.load(places))
        at = entries + place.to(tl.int64)[:, None] * WIDTH + columns[None, :]
        if WIDTH == BLOCK_D:
            k = tl.load(at)
        else:
            k = tl.load(at, mask=(columns < WIDTH)[None, :], other=0.0)
        most, weights, total = _tile(most, weights, total, q, k, end - start, scale, BLOCK_N)
    return most, weights, total


@jit(varying=("start", "tokens", "width"))
def attention_kernel(
    queries,  # [T, H, d]
    keys,  # [T, d]
    ring,  # [states, RING_LENGTH, d], states RING_STRIDE apart
    entries,  # [entries, d]
    places,  # [groups, width] int32; of DENSE entries none: a group has its own, side by side
    groups,  # [T] int64, and so the next four
    counts,
    positions,
    states,
    firsts,
    sinks,  # [H] float32
    out,  # [T, H, d]; with SPLITS [tokens, SPLITS, H, d] float32
    marks,  # [tokens, SPLITS, 2, H] float32: the largest logit, and the weight beside it
    scale,
    start,  # rows from this one on
    tokens,  # so many of them
    width,
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    WINDOW: tl.constexpr,
    KEPT: tl.constexpr,
    RING_LENGTH: tl.constexpr,
    RING_STRIDE: tl.constexpr,
    SEES: tl.constexpr,
    DENSE: tl.constexpr,
    SPLITS: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    """SEES: there are entries."""
    PARTS: tl.constexpr = triton.cdiv(HEADS, BLOCK_H)
    head, columns = tl.arange(0, BLOCK_H), tl.arange(0, BLOCK_D)
    at = head[:, None] * WIDTH + columns[None, :]
    for task in range(tl.program_id(0), tokens * PARTS * SPLITS, tl.num_programs(0)):
        row = tl.cast(start + task // (PARTS * SPLITS), tl.int64)
        first_head, split = (task // SPLITS) % PARTS * BLOCK_H, task % SPLITS
        headed = first_head + head < HEADS
        valid = headed[:, None] & (columns < WIDTH)[None, :]
        q = tl.load(queries + (row * HEADS + first_head) * WIDTH + at, mask=valid, other=0.0)
        q = tl.trans(q)
        most = tl.load(sinks + first_head + head, mask=headed, other=float("-inf"))
        if SPLITS > 1:
            most = tl.where(split == 0, most, float("-inf"))
        weights = tl.where(most == float("-inf"), 0.0, 1.0)
        total = tl.zeros((BLOCK_H, BLOCK_D), tl.float32)

        position = tl.load(positions + row).to(tl.int32)
        low = tl.maximum(position - WINDOW + 1, 0)
        old_end = position + 1
        if not KEPT:
            old_end = tl.minimum(tl.load(firsts + row).to(tl.int32), old_end)
        olds = tl.maximum(old_end - low, 0)
        before_cut = tl.minimum(olds, RING_LENGTH - low % RING_LENGTH)
        from_ring = ring + tl.load(states + row) * RING_STRIDE
        most, weights, total = _stretch(
            most, weights, total, q, from_ring + (low % RING_LENGTH) * WIDTH, before_cut, split,
            scale, WIDTH, SPLITS, BLOCK_N, BLOCK_D,
        )  # fmt: skip
        most, weights, total = _stretch(
            most, weights, total, q, from_ring, olds - before_cut, split, scale,
            WIDTH, SPLITS, BLOCK_N, BLOCK_D,
        )  # fmt: skip
        if not KEPT:
            new = tl.maximum(low, old_end)
            most, weights, total = _stretch(
                most, weights, total, q, keys + (row + new - position) * WIDTH,
                position + 1 - new, split, scale, WIDTH, SPLITS, BLOCK_N, BLOCK_D,
            )  # fmt: skip
        if SEES:
            count, group = tl.load(counts + row).to(tl.int32), tl.load(groups + row)
            if DENSE:
                most, weights, total = _stretch(
                    most, weights, total, q, entries + group * width * WIDTH, count, split, scale,
                    WIDTH, SPLITS, BLOCK_N, BLOCK_D,
                )  # fmt: skip
            else:
                most, weights, total = _entries(
                    most, weights, total, q, entries, places + group * width, count, split, scale,
                    WIDTH, SPLITS, BLOCK_N, BLOCK_D,
                )  # fmt: skip

        part = row
        if SPLITS == 1:
            total = total / tl.where(weights == 0.0, 1.0, weights)[:, None]
        else:
            part = (row - start) * SPLITS + split
            to = marks + part * 2 * HEADS + first_head + head
            tl.store(to, most, mask=headed)
            tl.store(to + HEADS, weights, mask=headed)
        to = out + (part * HEADS + first_head) * WIDTH + at
        tl.store(to, total.to(out.dtype.element_ty), mask=valid)


@dataclass(frozen=True, slots=True)
class _Call:
    """What is the same for all rows."""

    queries: torch.Tensor
    keys: torch.Tensor
    rows: Rows
    ring: torch.Tensor
    sinks: torch.Tensor
    out: torch.Tensor
    window: int
    kept: bool
    splits: int | None

    def launch(
        self, start: int, end: int, seen: Seen | None, entries: torch.Tensor | None, *, dense: bool
    ) -> None:
        """Rows ``start`` to ``end``; ``dense``: ``entries`` are [groups, width, d]."""
        tokens, (heads, width), rows = end - start, self.queries.shape[1:], self.rows
        cuts = self.splits or self._cuts(tokens, seen)
        parts, marks, device = self.out, self.sinks, self.queries.device
        if cuts > 1:
            parts = self.queries.new_empty(tokens, cuts, heads, width, dtype=torch.float32)
            marks = self.queries.new_empty(tokens, cuts, 2, heads, dtype=torch.float32)
        shape = {
            "HEADS": heads,
            "WIDTH": width,
            "SPLITS": cuts,
            "BLOCK_D": max(16, triton.next_power_of_2(width)),
        }
        of = seen or Seen(rows.positions[None], rows.positions, rows.positions)
        tasks = tokens * triton.cdiv(heads, _BLOCK_H) * cuts
        attention_kernel[grid(tasks, device, "cube")](
            self.queries, self.keys, self.ring, self.keys if entries is None else entries,
            of.places, of.groups, of.counts, rows.positions, rows.states, rows.firsts, self.sinks,
            parts, marks, width**-0.5, start, tokens, of.places.shape[1], WINDOW=self.window,
            KEPT=self.kept, RING_LENGTH=self.ring.shape[1], RING_STRIDE=self.ring.stride(0),
            SEES=seen is not None, DENSE=dense, BLOCK_H=_BLOCK_H, BLOCK_N=_BLOCK_N, **shape,
        )  # fmt: skip
        if cuts > 1:
            out = self.out[start:end]
            merge_kernel[grid(tokens * heads, device, "vector")](parts, marks, out, tokens, **shape)

    def _cuts(self, tokens: int, seen: Seen | None) -> int:
        """As many as fill the cores, but two tiles of keys for each at least."""
        tasks = tokens * triton.cdiv(self.queries.shape[1], _BLOCK_H)
        keys = self.window + (0 if seen is None else seen.places.shape[1])
        cores = grid(tasks * _SPLITS, self.queries.device, "cube")[0]
        cuts = 1
        while 2 * cuts <= _SPLITS and tasks * cuts < cores and keys >= 4 * cuts * _BLOCK_N:
            cuts *= 2
        return cuts


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
    """See `attend`; numbers or FP8 entries, fewer than 2 ** 31 numbers, or bytes, of them.

    Args:
        rope: channels that FP8 entries keep as bfloat16.
        splits: into how many the keys of a token are cut; ``None``: as many as fill the cores.
    """
    tokens, out = len(queries), torch.empty_like(queries)
    call = _Call(queries, keys, rows, ring, sinks, out, window, kept, splits)
    if not tokens:
        return out
    if entries is None:
        call.launch(0, tokens, None, None, dense=False)
        return out
    seen, store = Seen.of(rows, entries), entries.store
    if isinstance(store, torch.Tensor):
        assert len(store) == 1, "entries stand side by side"
        call.launch(0, tokens, seen, store, dense=False)
        return out
    # Rows of a sequence see the same entries where they see all: those are widened once.
    portion = tokens if entries.chosen is None else max(1, _WIDENED // seen.places.shape[1])
    for start in range(0, tokens, portion):
        end = min(start + portion, tokens)
        wide, own = seen.widened(store, rope, start, end)
        call.launch(start, end, own, wide.to(queries.dtype), dense=True)
    return out


def _case(
    device: torch.device, *, entries: int, rate: int, picks: int, packed: bool = False
) -> Case:
    """One row with that many entries before it."""
    generator = torch.Generator(device).manual_seed(0)
    per_block, heads = 32, 16

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator).bfloat16()

    positions = torch.full((1,), entries * rate + rate - 1, device=device)
    own = torch.zeros_like(positions)
    blocks = -(-entries // per_block)
    tables = torch.randperm(blocks, device=device, generator=generator)[None]
    pool = draw(1, blocks * per_block, 512)
    store: Store = pool
    if packed:
        store = PagedEntries(pool.shape[1], KeyCodec(512, 64), device, torch.bfloat16)
        store[torch.arange(pool.shape[1], device=device)] = pool[0]
    chosen = None
    if picks:
        order = torch.rand(1, entries, device=device, generator=generator).argsort(1)
        chosen = order[:, :picks].int().contiguous()
    queries, ring = draw(1, heads, 512), draw(1, 144, 512)
    sinks = torch.randn(heads, device=device, generator=generator)
    arguments = {
        "queries": queries,
        "keys": draw(1, 512),
        "rows": Rows(positions, own, positions, positions, own, tables),
        "ring": ring,
        "entries": Entries(store, per_block, rate, chosen),
        "sinks": sinks,
        "window": 128,
        "kept": True,
        "splits": 1,
    }
    seen = picks or entries
    # Of FP8 entries what both kernels must move: they are read, written wide and read again.
    floor = 2 * bytes_of(queries) + 1024 * 128 + seen * (584 + 2048 if packed else 1024)
    return Case(arguments, floor, operations=4 * heads * 512 * (128 + seen))


def _reference(splits: int | None, **arguments: object) -> torch.Tensor:
    return attend(**arguments)  # pyright: ignore


def _compilation(heads: int, kept: bool, splits: int, *, sees: bool, dense: bool) -> Compilation:
    pointers = ("queries", "keys", "ring", "entries")
    numbers = ("groups", "counts", "positions", "states", "firsts")
    return Compilation(
        attention_kernel,
        {
            **dict.fromkeys(pointers, "*bf16"),
            "places": "*i32",
            **dict.fromkeys(numbers, "*i64"),
            "sinks": "*fp32",
            "out": "*bf16" if splits == 1 else "*fp32",
            "marks": "*fp32",
            "scale": "fp32",
            **dict.fromkeys(("start", "tokens", "width"), "i32"),
        },
        {
            "HEADS": heads,
            "WIDTH": 512,
            "WINDOW": 128,
            "KEPT": kept,
            "RING_LENGTH": 144,
            "RING_STRIDE": 1 << 22,
            "SEES": sees,
            "DENSE": dense,
            "SPLITS": splits,
            "BLOCK_H": _BLOCK_H,
            "BLOCK_N": _BLOCK_N,
            "BLOCK_D": 512,
        },
    )


_MERGE = Compilation(
    merge_kernel,
    {"parts": "*fp32", "marks": "*fp32", "out": "*bf16", "tokens": "i32"},
    {"HEADS": 64, "WIDTH": 512, "SPLITS": _SPLITS, "BLOCK_D": 512},
)
_WINDOW = _compilation(64, kept=False, splits=1, sees=False, dense=False)
KERNELS = tuple(
    KernelSpec(
        name=f"sparse_attention_{name}",
        does=f"a sink, the window and {what} under one softmax",
        run=sparse_attention,
        reference=_reference,
        case=_case,
        shapes={"counted": {**kind, "entries": 70}},
        compilations=[
            _compilation(64, kept=True, splits=_SPLITS, sees=True, dense=name == "csa_fp8"),
            _compilation(128, kept=False, splits=1, sees=True, dense=name == "csa_fp8"),
            *([_WINDOW, _MERGE] if name == "csa" else []),
        ],
        tolerance=2e-2,
    )
    for name, what, kind in (
        ("csa", "chosen entries", {"rate": 4, "picks": 60}),
        ("csa_fp8", "chosen FP8 entries", {"rate": 4, "picks": 60, "packed": True}),
        ("hca", "all entries", {"rate": 128, "picks": 0}),
    )
)
