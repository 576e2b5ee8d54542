"""Ascend's attention kernels at their edges: odd sizes, cuts, ties, NaN, codes."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import triton.language as tl

from inference.kernels.ascend import hyper_connections_pre as pre
from inference.kernels.ascend import index_choice, sparse_attention
from inference.kernels.ascend.codes import decode_e4m3, encode_e4m3, scale_above, scale_value
from inference.kernels.ascend.compress_store import compress_store
from inference.kernels.ascend.index_codes import decode_e2m1, encode_e2m1, scale_above_e2m1
from inference.kernels.ascend.index_scores import entry_scores
from inference.kernels.ascend.output_projection import output_projection
from inference.kernels.ascend.qkv_norm_rope_insert import qkv_norm_rope_insert
from inference.kernels.reference.deepseek_v4_seams import (
    Entries,
    Rows,
    attend,
    choose_best,
    enter_block,
    norm_turn_insert,
    pool_and_store,
    score_entries,
    turn_back_and_project,
)
from inference.kernels.triton_common.jit import jit
from inference.quantization import (
    Fp8IndexCodec,
    KeyCodec,
    Mxfp4IndexCodec,
    PagedEntries,
    mxfp4,
)
from inference.quantization.scales import power_above, power_value

CPU = torch.device("cpu")


def _draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def _rows(runs: list[tuple[int, int]], blocks: int = 8) -> Rows:
    """Sequences by (position of their first row, number of rows)."""
    columns = [
        torch.tensor([[p, len(runs) - 1 - at, start, start + n - 1, at]])
        for at, (start, n) in enumerate(runs)
        for p in range(start, start + n)
    ]
    order = torch.randperm(len(runs) * blocks, generator=torch.Generator().manual_seed(1))
    positions, states, firsts, lasts, sequences = torch.cat(columns).T.contiguous()
    return Rows(positions, states, firsts, lasts, sequences, order.view(len(runs), blocks))


def _close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)


@jit
def _codes_kernel(numbers, codes, scales, decoded, SIZE: tl.constexpr):
    at = tl.arange(0, SIZE)
    x = tl.load(numbers + at)
    tl.store(codes + at, encode_e4m3(x))
    tl.store(scales + at, scale_value(scale_above(tl.abs(tl.where(x == x, x, 0.0)))))
    tl.store(decoded + at, decode_e4m3(at % 256))


def test_codes_are_those_of_torch() -> None:
    halves = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn).float().nan_to_num()
    ties = halves.sort().values
    ties = (ties[1:] + ties[:-1]) / 2  # halfway from one code to the next
    low = 2.0 ** torch.arange(-30, 20)
    edges = torch.tensor([0.0, -0.0, float("nan"), 1e30, -1e30, 448.0, 449.0, 2.0**-10])
    numbers = torch.cat([ties, halves, low, -1.9 * low, edges, _draw(1024) * 30])[:1024]
    codes, scales, decoded = (numbers.new_empty(1024, dtype=t) for t in (torch.int32, *2 * [None]))
    _codes_kernel[(1,)](numbers, codes, scales, decoded, SIZE=1024)
    expected = numbers.clamp(-448, 448).to(torch.float8_e4m3fn)
    known = ~numbers.isnan()
    assert torch.equal(codes[known].to(torch.uint8), expected.view(torch.uint8)[known])
    assert (codes[~known] & 0x7F == 0x7F).all()
    assert torch.equal(scales, power_value(power_above(numbers.nan_to_num().abs(), 448.0)))
    all_codes = (torch.arange(1024) % 256).to(torch.uint8).view(torch.float8_e4m3fn).float()
    torch.testing.assert_close(decoded, all_codes, rtol=0, atol=0, equal_nan=True)


@jit
def _halves_kernel(numbers, codes, scales, decoded, SIZE: tl.constexpr):
    at = tl.arange(0, SIZE)
    x = tl.load(numbers + at)
    tl.store(codes + at, encode_e2m1(x))
    tl.store(scales + at, scale_value(scale_above_e2m1(tl.abs(x))))
    tl.store(decoded + at, decode_e2m1(at % 16))


def test_halves_of_bytes_are_those_of_torch() -> None:
    steps = torch.arange(-64, 64) / 8  # every code, and halfway from one to the next
    low = 2.0 ** torch.arange(-30, 20)
    numbers = torch.cat([steps, low, -1.9 * low, 1.6 * low, torch.tensor([0.0, 1e30])])
    numbers = torch.cat([numbers, _draw(512)])[:512].contiguous()
    codes, scales, decoded = (numbers.new_empty(512, dtype=t) for t in (torch.int32, *2 * [None]))
    _halves_kernel[(1,)](numbers, codes, scales, decoded, SIZE=512)
    assert torch.equal(codes.to(torch.uint8), mxfp4.encode(numbers))
    assert torch.equal(scales, power_value(power_above(numbers.abs(), mxfp4.LARGEST)))
    every = torch.arange(512, dtype=torch.int32) % 16
    assert torch.equal(decoded, mxfp4.decode(every.to(torch.uint8)))


@pytest.mark.parametrize(("tokens", "width"), [(1, 48), (19, 70)])
def test_streams_are_mixed_though_a_row_is_wider_than_a_tile(
    tokens: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pre, "COLUMNS", 64)
    arguments: dict[str, Any] = {
        "streams": _draw(tokens, 4, width),
        "function": _draw(24, 4 * width) / 8,
        "scale": _draw(3),
        "base": 30 * _draw(24),  # some weights are all but 0 or 1
        "norm_weight": _draw(width),
    }
    options: dict[str, Any] = {"iterations": 3, "hc_eps": 1e-6, "norm_eps": 1e-6}
    found = pre.hyper_connections_pre(**arguments, **options)
    for mine, theirs in zip(found, enter_block(**arguments, **options), strict=True):
        _close(mine, theirs)


@pytest.mark.parametrize(("heads", "width", "rope"), [(1, 24, 24), (9, 96, 24)])
def test_queries_and_keys_are_turned_and_only_those_with_a_place_are_kept(
    heads: int, width: int, rope: int
) -> None:
    angles = _draw(3, rope // 2)
    arguments = (_draw(3, heads, width), _draw(3, width), _draw(width), angles.cos(), angles.sin())
    stores = [torch.zeros(2, 5, width) for _ in range(2)]
    places = torch.tensor([7, -1, 0])
    found = qkv_norm_rope_insert(*arguments, eps=1e-6, store=stores[0], places=places)
    expected = norm_turn_insert(*arguments, eps=1e-6, store=stores[1], places=places)
    for mine, theirs in zip((*found, stores[0]), (*expected, stores[1]), strict=True):
        _close(mine, theirs)
    assert int(stores[0].abs().sum(-1).bool().sum()) == 2


@pytest.mark.parametrize(
    ("rate", "runs", "codec"),
    [
        (4, [(0, 9), (6, 3)], None),
        (4, [(0, 9), (6, 3)], KeyCodec(32, 8)),
        (4, [(2, 9), (7, 1)], Fp8IndexCodec(32)),
        (4, [(2, 9), (7, 1)], Mxfp4IndexCodec(32)),  # too narrow for the kernel
        (8, [(0, 8), (5, 20), (31, 1)], None),
    ],
)
def test_windows_are_pooled_from_this_batch_and_from_before(
    rate: int, runs: list[tuple[int, int]], codec: Any
) -> None:
    width, overlaps, rows = 32, rate == 4, _rows(runs)
    wide, length = (1 + overlaps) * width, (1 + overlaps) * rate + 3
    tokens, angles = len(rows.positions), _draw(len(rows.positions), 4)
    gates = _draw(tokens, wide)
    gates[0] = float("-inf")  # a slot without weight
    results = []
    for function in (compress_store, pool_and_store):
        entries = torch.zeros(1, 64, width)
        store = entries if codec is None else PagedEntries(64, codec, CPU, torch.float32)
        rings = _draw(len(runs), length, wide), _draw(len(runs), length, wide, seed=1)
        function(
            _draw(tokens, wide, seed=2),
            gates,
            _draw(rate, wide),
            _draw(width),
            angles.cos(),
            angles.sin(),
            rows,
            rows.closing_places(rate, 2),
            store,
            *rings,
            overlaps=overlaps,
            eps=1e-6,
        )
        results.append((*rings, entries if codec is None else store[torch.arange(64)]))
    for mine, theirs in zip(*results, strict=True):
        _close(mine, theirs)
    assert results[0][2].abs().sum() > 0


@pytest.mark.parametrize(
    ("codec", "heads", "per_block"),
    [
        (None, 3, 2),
        (Fp8IndexCodec(32), 17, 2),
        (Fp8IndexCodec(64), 2, 6),
        (Mxfp4IndexCodec(128), 5, 2),
    ],
)
def test_entries_are_scored_as_keys_are_kept(codec: Any, heads: int, per_block: int) -> None:
    rows, width = _rows([(90, 2), (0, 1), (7, 1)]), codec.width if codec else 24
    keys = _draw(1, 32 * per_block, width)
    keys[0, 3] = 0.0  # scores that tie at zero
    if not isinstance(codec, Mxfp4IndexCodec):  # which has no code for what is no number
        spoilt = rows.entry_places(torch.full((4, 1), 1), per_block)[0, 0]
        keys[0, int(spoilt)] = float("nan")
    store = keys
    if codec:
        store = PagedEntries(keys.shape[1], codec, CPU, torch.float32)
        store[torch.arange(keys.shape[1])] = keys[0]
    queries, angles = _draw(4, heads, width), _draw(4, 4)
    queries[0, 0, 5] *= 50  # one number much larger than the others
    arguments = (queries, _draw(4, heads), angles.cos(), angles.sin(), rows)
    entries, most = Entries(store, per_block, 4), 8 * per_block
    found, expected = (f(*arguments, entries, most) for f in (entry_scores, score_entries))
    seen = torch.arange(most) < ((rows.positions + 1) // 4)[:, None]
    _close(found[seen].nan_to_num(nan=-7.0), expected[seen].nan_to_num(nan=-7.0))
    assert seen.sum() == min(most, 22) + min(most, 23) + 2


@pytest.mark.parametrize("scores", ["ties", "zeros", "-inf", "NaN"])
def test_the_best_entries_are_chosen_ties_by_order_and_no_numbers_last(
    scores: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_choice, "_BLOCK", 64)
    monkeypatch.setattr(index_choice, "_TILE", 32)
    monkeypatch.setattr(index_choice, "_MOVED", 8)
    given = _draw(4, 150)
    if scores == "ties":
        given = given.round()
    elif scores == "zeros":
        given = given.sign() * 0.0
    else:
        given[given.abs() > 0.1] = float(scores)
    ready = torch.tensor([150, 20, 19, 0])
    found = index_choice.best_entries(given, ready, 20)
    assert torch.equal(found, choose_best(given, ready, 20))


@pytest.mark.parametrize("splits", [1, 3])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("runs", "rate", "picks", "kept"),
    [
        ([(0, 1), (5, 1), (40, 1)], 4, 3, True),
        ([(0, 2), (30, 3)], 4, 3, False),
        ([(7, 2)], 8, 0, False),
        ([(3, 2)], 0, 0, False),
    ],
)
def test_attention_sees_the_window_and_the_entries(
    runs: list[tuple[int, int]],
    rate: int,
    picks: int,
    kept: bool,
    packed: bool,
    splits: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sparse_attention, "_WIDENED", 2 * picks)  # two rows at a time
    monkeypatch.setattr(sparse_attention, "_BLOCK_N", 2)
    rows, heads, width, tokens = _rows(runs), 5, 32, sum(n for _, n in runs)
    entries, pool = None, _draw(64, width).bfloat16().float()  # as FP8 entries are widened to
    if rate:
        chosen = None
        if picks:
            chosen = choose_best(_draw(tokens, 16), (rows.positions + 1) // rate, picks)
        store = PagedEntries(64, KeyCodec(width, 8), CPU, torch.float32)
        store[torch.arange(64)] = pool
        entries = Entries(store if packed else pool[None], 2, rate, chosen)
    arguments = (
        _draw(tokens, heads, width),
        _draw(tokens, width),
        rows,
        _draw(len(runs), 19, width),
        entries,
        _draw(heads),
    )
    found = sparse_attention.sparse_attention(
        *arguments, window=7, kept=kept, splits=splits, rope=8
    )
    _close(found, attend(*arguments, window=7, kept=kept))


def test_rows_see_their_sequence_whatever_its_number() -> None:
    rows = _rows([(7, 1), (23, 1)])
    rows = replace(rows, sequences=rows.sequences.flip(0))
    store = PagedEntries(64, KeyCodec(32, 8), CPU, torch.float32)
    store[torch.arange(64)] = _draw(64, 32).bfloat16().float()
    ring, entries = _draw(2, 19, 32), Entries(store, 2, 4)
    arguments = (_draw(2, 3, 32), _draw(2, 32), rows, ring, entries, _draw(3))
    found = sparse_attention.sparse_attention(*arguments, window=4, kept=True, rope=8)
    _close(found, attend(*arguments, window=4, kept=True))


def test_what_nobody_sees_may_be_no_number() -> None:
    rows, unknown = _rows([(9, 1)]), float("nan")
    ring, pool = torch.full((1, 19, 16), unknown), torch.full((1, 16, 16), unknown)
    ring[0, 6:10] = _draw(4, 16)
    chosen = torch.tensor([[1, -1, -1]], dtype=torch.int32)
    pool[0, int(rows.entry_places(torch.tensor([[1]]), 2))] = 1.0
    arguments = (_draw(1, 3, 16), _draw(1, 16), rows, ring, Entries(pool, 2, 4, chosen), _draw(3))
    found = sparse_attention.sparse_attention(*arguments, window=4, kept=True)
    _close(found, attend(*arguments, window=4, kept=True))


@pytest.mark.parametrize(("tokens", "heads", "groups", "rank"), [(1, 4, 2, 12), (19, 6, 3, 70)])
def test_heads_are_turned_back_and_projected(
    tokens: int, heads: int, groups: int, rank: int
) -> None:
    angles = _draw(tokens, 4)
    weight = _draw(groups, rank, heads // groups * 24)
    given, turns = _draw(tokens, heads, 24), (angles.cos(), angles.sin())
    expected = turn_back_and_project(given, weight, *turns)
    _close(output_projection(given.clone(), weight, *turns), expected)
