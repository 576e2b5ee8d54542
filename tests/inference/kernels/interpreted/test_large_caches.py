"""A cache as large as a card's: entries and rings beyond 2 ** 31 bytes and numbers are found.

It lies on a file with holes, of which only what is touched takes room.
"""

from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.kernels.cuda.compress_store import compress_store
from inference.kernels.cuda.index_scores import entry_scores
from inference.kernels.cuda.qkv_norm_rope_insert import qkv_norm_rope_insert
from inference.kernels.cuda.sparse_attention import sparse_attention
from inference.kernels.reference.deepseek_v4_seams import Entries, Rows, Store, read_rows
from inference.quantization import Fp8IndexCodec, KeyCodec, Mxfp4IndexCodec, PagedEntries
from inference.quantization.pages import Codec

LIMIT, WIDTH, PER_BLOCK, COUNT = 1 << 31, 32, 2, 64
INDEX, KEYS = (Fp8IndexCodec(WIDTH), Mxfp4IndexCodec(WIDTH)), KeyCodec(WIDTH, 8)
NUMBERS = None


def _draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape))).bfloat16()


def _file(path: Path, count: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.from_file(str(path), shared=True, size=count, dtype=dtype)


def _stores(codec: Codec | None, path: Path) -> tuple[Store, Store, int]:
    """A small store, one whose last entries are to be the same, and the place where they begin."""
    if codec is None:
        rows = LIMIT // WIDTH + COUNT
        far = _file(path, rows * WIDTH, torch.bfloat16).view(1, rows, WIDTH)
        return torch.zeros(1, COUNT, WIDTH, dtype=torch.bfloat16), far, rows - COUNT
    near = PagedEntries(COUNT, codec, torch.device("cpu"), torch.bfloat16)
    size = near.storage.shape[1]
    pages = LIMIT // size + 2
    far = copy(near)
    far.storage = _file(path, pages * size, torch.uint8).view(pages, size)
    return near, far, (pages - 1) * COUNT


def _rows(first_block: int) -> Rows:
    """Two rows of one sequence, whose first one closes a window."""
    positions, zeros = torch.tensor([31, 32]), torch.zeros(2, dtype=torch.int64)
    table = first_block + torch.randperm(8, generator=torch.Generator().manual_seed(1))
    return Rows(positions, zeros, zeros + 31, zeros + 32, zeros, table[None])


@pytest.mark.parametrize("codec", [NUMBERS, KEYS, *INDEX])
def test_entries_far_away_are_written_and_read(codec: Codec | None, tmp_path: Path) -> None:
    near, far, begin = _stores(codec, tmp_path / "entries")
    angles = _draw(2, 4).float()
    turn = (angles.cos(), angles.sin())
    results = []
    for store, first in ((near, 0), (far, begin)):
        rows = _rows(first // PER_BLOCK)
        for position in (3, 7, 11, 15, 19, 23, 27, 31):  # each closes a window of four
            at = replace(rows, positions=rows.positions - 31 + position)
            rings = _draw(1, 11, 2 * WIDTH).float(), _draw(1, 11, 2 * WIDTH).float()
            values, norm = _draw(2, 2 * WIDTH), _draw(WIDTH).float()
            places = at.closing_places(4, PER_BLOCK)
            compress_store(
                values * position, values, _draw(4, 2 * WIDTH).float(), norm, *turn, at, places,
                store, *rings, overlaps=True, eps=1e-6,
            )  # fmt: skip
        results.append(_seen(store, rows, codec, turn))
    for mine, theirs in zip(*results, strict=True):
        assert torch.equal(mine, theirs)
    last = far[0, begin:] if isinstance(far, torch.Tensor) else far.storage[-1]
    assert torch.equal(
        last.flatten(), (near if isinstance(near, torch.Tensor) else near.storage).flatten()
    )
    assert last.any()


def _seen(store: Store, rows: Rows, codec: Any, turn: Any) -> list[torch.Tensor]:
    entries, seen = Entries(store, PER_BLOCK, 4), []
    if codec is not KEYS:
        scores = entry_scores(
            _draw(2, 4, WIDTH), _draw(2, 4), *turn, rows=rows, entries=entries, most=8
        )
        seen.append(scores[:, :7])
    if codec not in INDEX:
        ring = _draw(1, 19, WIDTH)
        arguments = (_draw(2, 4, WIDTH), _draw(2, WIDTH), rows, ring, entries, _draw(4).float())
        seen.append(sparse_attention(*arguments, window=7, kept=False, rope=8))
    return seen


def test_the_last_states_ring_is_written_and_read(tmp_path: Path) -> None:
    flat = _file(tmp_path / "rings", LIMIT + 19 * WIDTH, torch.bfloat16)
    far = flat.as_strided((2, 19, WIDTH), (LIMIT, WIDTH, 1))
    near, angles = torch.zeros(1, 19, WIDTH, dtype=torch.bfloat16), _draw(2, 4).float()
    results = []
    for ring, state in ((near, 0), (far, 1)):
        ring[state] = _draw(19, WIDTH)
        rows = replace(_rows(0), states=torch.full((2,), state), firsts=torch.tensor([31, 32]))
        rows = replace(rows, lasts=rows.firsts)
        queries, keys = qkv_norm_rope_insert(
            _draw(2, 4, WIDTH), _draw(2, WIDTH), _draw(WIDTH).float(), angles.cos(), angles.sin(),
            eps=1e-6, store=ring, places=rows.ring_places(19),
        )  # fmt: skip
        found = sparse_attention(
            queries, keys, rows, ring, None, _draw(4).float(), window=7, kept=True
        )
        results.append((found, ring[state]))
    for mine, theirs in zip(*results, strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(far[1, 31 % 19], read_rows(far, rows.ring_places(19))[0])
