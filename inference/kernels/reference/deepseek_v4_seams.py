"""What the fused DeepSeek-V4 kernels compute, in plain torch: one function for each seam.

Shapes: T tokens, n streams, D hidden, H heads, d width of a head, r rotary channels.
"""

from dataclasses import dataclass

import torch

from inference.kernels.reference.deepseek_v4 import (
    bare_rms_norm,
    mix_in,
    pool_windows,
    rotate_pairs,
    wide_rms_norm,
)
from inference.quantization import PagedEntries

Store = torch.Tensor | PagedEntries
"""Rows of numbers: [groups, length, d], row after row, or FP8 entries in pages."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Which sequence's which position each row of a batch is; all [T] int64.

    A sequence's rows stand side by side, as a run of positions. ``states`` names the group of a
    ring where the sequence's earlier rows lie, each at its position modulo the ring's length.
    """

    positions: torch.Tensor
    states: torch.Tensor
    firsts: torch.Tensor  # position of the first row of this row's run
    lasts: torch.Tensor  # and of its last row

    def ring_places(self, length: int) -> torch.Tensor:
        """Where each row goes in a ring; -1: a later row of its run takes the place."""
        places = self.states * length + self.positions % length
        return places.masked_fill(self.lasts - self.positions >= length, -1)


def enter_block(
    streams: torch.Tensor,
    function: torch.Tensor,
    scale: torch.Tensor,
    base: torch.Tensor,
    norm_weight: torch.Tensor,
    *,
    iterations: int,
    hc_eps: float,
    norm_eps: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`mix_in`, then the block's own norm; ``norm_weight`` [D] float32."""
    collapsed, post, mixing = mix_in(
        streams, function, scale, base, iterations=iterations, hc_eps=hc_eps, norm_eps=norm_eps
    )
    return wide_rms_norm(collapsed, norm_weight, norm_eps), post, mixing


def norm_turn_insert(
    query: torch.Tensor,
    key: torch.Tensor,
    key_norm: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    *,
    eps: float,
    store: Store | None = None,
    places: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Queries and keys as attention wants them; the keys go into ``store`` at ``places`` [T].

    Args:
        query: [T, H, d] as projected. key: [T, d] likewise. key_norm: [d] float32.
        cos, sin: [T, r / 2] float32.
        places: int64, a row of ``store`` for each key; -1: it is not kept.
    Returns:
        Normed and turned queries [T, H, d] and keys [T, d].
    """
    queries = rotate_pairs(bare_rms_norm(query, eps), cos[:, None], sin[:, None])
    keys = rotate_pairs(wide_rms_norm(key, key_norm, eps), cos, sin)
    if store is not None and places is not None:
        kept = places >= 0
        write_rows(store, places[kept], keys[kept])
    return queries, keys


def write_rows(store: Store, places: torch.Tensor, rows: torch.Tensor) -> None:
    """Rows [n, d] at ``places`` [n] of the store."""
    if isinstance(store, torch.Tensor):
        store[places // store.shape[1], places % store.shape[1]] = rows.to(store.dtype)
    else:
        store[places] = rows


def read_rows(store: Store, places: torch.Tensor) -> torch.Tensor:
    """[..., d] of the rows at ``places`` [...]."""
    if isinstance(store, torch.Tensor):
        return store[places // store.shape[1], places % store.shape[1]]
    return store[places]


def pool_and_store(
    values: torch.Tensor,
    gates: torch.Tensor,
    bias: torch.Tensor,
    norm: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    rows: Rows,
    places: torch.Tensor,
    entries: Store,
    old_values: torch.Tensor,
    old_gates: torch.Tensor,
    *,
    overlaps: bool,
    eps: float,
) -> None:
    """Entries of the windows that rows close, into ``entries``; all rows, into the rings.

    Args:
        values, gates: [T, w] as projected; w is the width of entries, twice that if ``overlaps``:
            then an entry pools the first half of the window before and the last half of its own.
        bias: [rate, w] float32, by place in the window. norm: [width of entries] float32.
        cos, sin: [T, r / 2], of the first position of each row's window.
        places: [T] int64, where the row's entry goes; -1: it closes no window.
        old_values, old_gates: rings [states, length, w] float32, of what is not in this batch.
    """
    rate, width = len(bias), len(norm)
    biased = gates.float() + bias[rows.positions % rate]
    for row in (places >= 0).nonzero().flatten().tolist():
        position = int(rows.positions[row])
        window = torch.arange(position + 1 - (1 + overlaps) * rate, position + 1)
        fresh = window.to(values.device) >= rows.firsts[row]
        here = (row + window - position).to(values.device).clamp(min=0)
        ago = window.to(values.device) % old_values.shape[1]
        state = rows.states[row]
        v = torch.where(fresh[:, None], values.float()[here], old_values[state, ago])
        g = torch.where(fresh[:, None], biased[here], old_gates[state, ago])
        if overlaps:
            v, g = (torch.cat([x[:rate, :width], x[rate:, width:]]) for x in (v, g))
        missing = (window < 0)[:, None].to(values.device)
        v, g = v.masked_fill(missing, 0.0), g.masked_fill(missing, float("-inf"))
        pooled = wide_rms_norm(pool_windows(v[None], g[None]), norm, eps)
        write_rows(entries, places[row, None], rotate_pairs(pooled, cos[row], sin[row]))
    kept = rows.ring_places(old_values.shape[1])
    write_rows(old_values, kept[kept >= 0], values[kept >= 0])
    write_rows(old_gates, kept[kept >= 0], biased[kept >= 0])
