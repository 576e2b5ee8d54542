"""DeepSeek-V4's attention kernels at their edges: odd sizes, ties, NaN, FP8 entries."""

import pytest
import torch

from inference.kernels.cuda import hyper_connections_pre as pre
from inference.kernels.cuda.compress_store import compress_store
from inference.kernels.cuda.hyper_connections_head import hyper_connections_head
from inference.kernels.cuda.hyper_connections_pre import hyper_connections_pre
from inference.kernels.cuda.index_choice import best_entries
from inference.kernels.cuda.index_queries import narrow_queries
from inference.kernels.cuda.index_scores import entry_scores
from inference.kernels.cuda.output_projection import output_projection
from inference.kernels.cuda.qkv_norm_rope_insert import qkv_norm_rope_insert
from inference.kernels.cuda.rms_norm import rms_norm
from inference.kernels.cuda.sparse_attention import sparse_attention
from inference.kernels.cuda.stores import FORMS
from inference.kernels.reference.deepseek_v4_seams import (
    Entries,
    Fp8Groups,
    Rows,
    Store,
    attend,
    choose_best,
    enter_block,
    leave_streams,
    norm_rows,
    norm_turn_insert,
    pool_and_store,
    read_rows,
    score_entries,
    turn_back_and_project,
)
from inference.quantization import Fp8IndexCodec, KeyCodec, Mxfp4IndexCodec, PagedEntries
from inference.quantization.pages import Codec

INDEX_CODECS: tuple[Codec, ...] = (Fp8IndexCodec(32), Mxfp4IndexCodec(32))
SMALL_CODECS = ((Fp8IndexCodec(8), 2, 4), (Mxfp4IndexCodec(16), 16, 8))


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


@pytest.mark.parametrize(
    ("tokens", "width", "fused"), [(1, 48, False), (3, 70, False), (18, 50, True)]
)
def test_streams_are_mixed_by_one_kernel_or_by_two(
    tokens: int, width: int, fused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fused:  # as many tokens run, which would be slow here
        chosen = {"BLOCK_T": 16, "BLOCK_K": 128, "num_warps": 8}
        monkeypatch.setattr(pre, "configuration", lambda *_: dict(chosen))
    arguments = {
        "streams": _draw(tokens, 4, width),
        "function": _draw(24, 4 * width) / 8,
        "scale": _draw(3),
        "base": 30 * _draw(24),  # some weights are all but 0 or 1
        "norm_weight": _draw(width),
    }
    options = {"iterations": 3, "hc_eps": 1e-6, "norm_eps": 1e-6}
    found = hyper_connections_pre(**arguments, **options)  # pyright: ignore[reportArgumentType]
    expected = enter_block(**arguments, **options)  # pyright: ignore[reportArgumentType]
    for mine, theirs in zip(found, expected, strict=True):
        _close(mine, theirs)


@pytest.mark.parametrize(("tokens", "width"), [(1, 48), (19, 70)])
def test_streams_are_left_as_one(tokens: int, width: int) -> None:
    arguments = (
        _draw(tokens, 4, width),
        _draw(4, 4 * width) / 8,
        _draw(1),
        30 * _draw(4),
        _draw(width),
    )
    found = hyper_connections_head(*arguments, hc_eps=1e-6, norm_eps=1e-6)
    _close(found, leave_streams(*arguments, hc_eps=1e-6, norm_eps=1e-6))


def test_rows_are_normed_and_those_at_the_first_position_are_nothing() -> None:
    rows, weight = _draw(3, 70), _draw(70)
    rows[1, 3], positions = float("nan"), torch.tensor([5, 0, 1])
    found = rms_norm(rows, weight, eps=1e-6, positions=positions)
    _close(found, norm_rows(rows, weight, eps=1e-6, positions=positions))
    assert not found[1].any()
    assert rms_norm(rows, weight, eps=1e-6)[1].isnan().all()


@pytest.mark.parametrize(("heads", "width", "rope"), [(1, 32, 8), (9, 24, 24), (4, 96, 32)])
def test_queries_and_keys_are_turned_and_only_those_with_a_place_are_kept(
    heads: int, width: int, rope: int
) -> None:
    angles = _draw(3, rope // 2)
    arguments = (_draw(3, heads, width), _draw(3, width), _draw(width), angles.cos(), angles.sin())
    stores = [torch.zeros(2, 5, 2 * width)[..., :width].clone() for _ in range(2)]
    places = torch.tensor([7, -1, 0])
    found = qkv_norm_rope_insert(*arguments, eps=1e-6, store=stores[0], places=places)
    expected = norm_turn_insert(*arguments, eps=1e-6, store=stores[1], places=places)
    for mine, theirs in zip((*found, stores[0]), (*expected, stores[1]), strict=True):
        _close(mine, theirs)
    assert int(stores[0].abs().sum(-1).bool().sum()) == 2


@pytest.mark.parametrize(("rate", "runs"), [(4, [(0, 9), (6, 3)]), (8, [(0, 8), (5, 20), (31, 1)])])
@pytest.mark.parametrize("codec", [None, KeyCodec(32, 8), *INDEX_CODECS])
def test_windows_are_pooled_from_this_batch_and_from_before(
    rate: int, runs: list[tuple[int, int]], codec: Codec | None
) -> None:
    width, overlaps, rows = 32, rate == 4, _rows(runs)
    wide, length = (1 + overlaps) * width, (1 + overlaps) * rate + 3
    tokens, angles = len(rows.positions), _draw(len(rows.positions), 4)
    gates = _draw(tokens, wide)
    gates[0] = float("-inf")  # a slot without weight
    results = []
    for function in (compress_store, pool_and_store):
        store: Store = torch.zeros(1, 64, width)
        if codec:
            store = PagedEntries(64, codec, store.device, torch.float32)
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
        results.append((*rings, read_rows(store, torch.arange(64))))
    for mine, theirs in zip(*results, strict=True):
        _close(mine, theirs)
    assert results[0][2].abs().sum() > 0


@pytest.mark.parametrize(
    ("codec", "heads", "rope"),
    [(None, 3, 8), (Fp8IndexCodec(32), 17, 16), (Mxfp4IndexCodec(64), 5, 8), *SMALL_CODECS],
)
def test_entries_are_scored_as_keys_are_kept(codec: Codec | None, heads: int, rope: int) -> None:
    rows, width = _rows([(30, 2), (0, 1), (7, 1)]), codec.width if codec else 24
    keys = _draw(1, 64, width)
    keys[0, 3], store = 0.0, keys  # scores that tie at zero
    if not isinstance(codec, Mxfp4IndexCodec):  # which has no code for what is no number
        keys[0, int(rows.entry_places(torch.full((4, 1), 1), 2)[0, 0])] = float("nan")
    if codec:
        store = PagedEntries(64, codec, keys.device, torch.float32)
        store[torch.arange(64)] = keys[0]
    queries, angles = _draw(4, heads, width), _draw(4, rope // 2)
    queries[0, 0, 5] *= 50  # one number much larger than the others
    arguments = (queries, _draw(4, heads), angles.cos(), angles.sin(), rows, Entries(store, 2, 4))
    found, expected = entry_scores(*arguments, 8), score_entries(*arguments, 8)
    seen = torch.arange(8) < ((rows.positions + 1) // 4)[:, None]
    _close(found[seen].nan_to_num(nan=-7.0), expected[seen].nan_to_num(nan=-7.0))
    assert seen.sum() == 7 + 8 + 2


@pytest.mark.parametrize("codec", INDEX_CODECS)
def test_queries_become_the_codes_that_keys_would(codec: Codec) -> None:
    queries, angles = _draw(2, 3, 32), torch.zeros(2, 4)
    queries[0, 1] = 0.0
    queries[1, 2] *= 2.0**-130  # scales end
    found = narrow_queries(
        queries, torch.ones(2, 3), angles.cos(), angles.sin(), FORMS[type(codec)]
    )
    data, scales = codec.encode(queries.flatten(0, 1))
    codes = data if isinstance(codec, Fp8IndexCodec) else torch.cat([data, scales], -1)
    assert torch.equal(found.codes.flatten(0, 1), codes)
    if isinstance(codec, Fp8IndexCodec):
        assert torch.equal(found.weights.view(-1, 1), scales.view(torch.float32))


@pytest.mark.parametrize("scores", ["ties", "zeros", "-inf", "NaN"])
def test_the_best_entries_are_chosen_ties_by_order_and_no_numbers_last(scores: str) -> None:
    given = _draw(4, 150)
    if scores == "ties":
        given = given.round()
    elif scores == "zeros":
        given = given.sign() * 0.0
    else:
        given[given.abs() > 0.1] = float(scores)
    ready = torch.tensor([150, 20, 19, 0])
    assert torch.equal(best_entries(given, ready, 20), choose_best(given, ready, 20))


def test_rows_longer_than_a_tile_are_read_in_several() -> None:
    given, ready = _draw(1, 5000).round(decimals=1), torch.tensor([4999])
    assert torch.equal(best_entries(given, ready, 300), choose_best(given, ready, 300))


@pytest.mark.parametrize("splits", [1, 4])
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
    runs: list[tuple[int, int]], rate: int, picks: int, kept: bool, splits: int
) -> None:
    rows, heads, width, tokens = _rows(runs), 5, 24, sum(n for _, n in runs)
    entries = None
    if rate:
        chosen = None
        if picks:
            ready = (rows.positions + 1) // rate
            chosen = choose_best(_draw(tokens, 16), ready, picks)
        entries = Entries(_draw(1, 64, width), 2, rate, chosen)
    arguments = (
        _draw(tokens, heads, width),
        _draw(tokens, width),
        rows,
        _draw(len(runs), 19, width),
        entries,
        _draw(heads),
    )
    found = sparse_attention(*arguments, window=7, kept=kept, splits=splits)
    _close(found, attend(*arguments, window=7, kept=kept))


def test_what_nobody_sees_may_be_no_number() -> None:
    rows, unknown = _rows([(9, 1)]), float("nan")
    ring, pool = torch.full((1, 19, 16), unknown), torch.full((1, 16, 16), unknown)
    ring[0, 6:10] = _draw(4, 16)
    chosen = torch.tensor([[1, -1, -1]], dtype=torch.int32)
    pool[0, int(rows.entry_places(torch.tensor([[1]]), 2))] = 1.0
    arguments = (_draw(1, 3, 16), _draw(1, 16), rows, ring, Entries(pool, 2, 4, chosen), _draw(3))
    _close(
        sparse_attention(*arguments, window=4, kept=True),
        attend(*arguments, window=4, kept=True),
    )


def test_attention_reads_fp8_entries() -> None:
    rows = _rows([(20, 1)])
    store = PagedEntries(64, KeyCodec(32, 8), torch.device("cpu"), torch.float32)
    store[torch.arange(64)] = _draw(64, 32)
    arguments = (
        _draw(1, 4, 32),
        _draw(1, 32),
        rows,
        _draw(1, 19, 32),
        Entries(store, 2, 4),
        _draw(4),
    )
    found = sparse_attention(*arguments, window=4, kept=True, rope=8)
    _close(found, attend(*arguments, window=4, kept=True))


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize(
    ("tokens", "heads", "groups", "rank", "width"), [(1, 2, 2, 150, 128), (19, 9, 3, 70, 72)]
)
def test_heads_are_turned_back_and_projected(
    tokens: int, heads: int, groups: int, rank: int, width: int, narrow: bool
) -> None:
    angles = _draw(tokens, 4)
    weight = _draw(groups, rank, heads // groups * width)
    weight[:, 60:] *= 2.0**-20  # blocks whose scales are far apart
    given = Fp8Groups.of(weight) if narrow else weight
    arguments = (_draw(tokens, heads, width), given, angles.cos(), angles.sin())
    _close(output_projection(*arguments), turn_back_and_project(*arguments))
