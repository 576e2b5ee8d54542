"""What the fused DeepSeek-V4 kernels compute, in plain torch: one function for each seam.

Shapes: T tokens, n streams, D hidden, H heads, d width of a head, r rotary channels.
"""

from dataclasses import dataclass

import torch

from inference.kernels.reference.deepseek_v4 import (
    attend_with_sink,
    bare_rms_norm,
    index_scores,
    mix_head,
    mix_in,
    pool_windows,
    rotate_pairs,
    wide_rms_norm,
)
from inference.quantization import PagedEntries, fp8_block

Store = torch.Tensor | PagedEntries
"""Rows of numbers: [groups, length, d], row after row, or FP8 entries in pages."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Which sequence's which position each row of a batch is; all int64, [T] but for ``tables``.

    A sequence's rows stand side by side, as a run of positions. ``states`` names the group of a
    ring where the sequence's earlier rows lie, each at its position modulo the ring's length.
    """

    positions: torch.Tensor
    states: torch.Tensor
    firsts: torch.Tensor  # position of the first row of this row's run
    lasts: torch.Tensor  # and of its last row
    sequences: torch.Tensor  # the row of ``tables`` where the sequence's blocks stand
    tables: torch.Tensor  # [sequences, most blocks]

    def part(self, rows: slice) -> "Rows":
        """Some of the rows."""
        return Rows(
            self.positions[rows],
            self.states[rows],
            self.firsts[rows],
            self.lasts[rows],
            self.sequences[rows],
            self.tables,
        )

    def ring_places(self, length: int) -> torch.Tensor:
        """Where each row goes in a ring; -1: a later row of its run takes the place."""
        places = self.states * length + self.positions % length
        return places.masked_fill(self.lasts - self.positions >= length, -1)

    def entry_places(self, numbers: torch.Tensor, per_block: int) -> torch.Tensor:
        """Where the entries ``numbers`` [T, ...] of each row's sequence lie in their pool."""
        tables = self.tables[self.sequences]
        flat = numbers.reshape(len(numbers), -1)
        places = tables.gather(1, flat // per_block) * per_block + flat % per_block
        return places.view_as(numbers)

    def closing_places(self, rate: int, per_block: int) -> torch.Tensor:
        """Where the entry goes whose window a row closes; -1: it closes none."""
        places = self.entry_places(self.positions // rate, per_block)
        return places.masked_fill((self.positions + 1) % rate != 0, -1)


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


def leave_streams(
    streams: torch.Tensor,
    function: torch.Tensor,
    scale: torch.Tensor,
    base: torch.Tensor,
    norm_weight: torch.Tensor,
    *,
    hc_eps: float,
    norm_eps: float,
) -> torch.Tensor:
    """`mix_head`, then the last norm: [T, D]; ``norm_weight`` [D] float32."""
    collapsed = mix_head(streams, function, scale, base, hc_eps=hc_eps, norm_eps=norm_eps)
    return wide_rms_norm(collapsed, norm_weight, norm_eps)


def norm_rows(
    rows: torch.Tensor, weight: torch.Tensor, *, eps: float, positions: torch.Tensor | None = None
) -> torch.Tensor:
    """`wide_rms_norm` of [R, D]; zeros for rows whose position is 0."""
    if positions is not None:
        rows = rows.masked_fill((positions == 0)[:, None], 0.0)
    return wide_rms_norm(rows, weight, eps)


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


@dataclass(frozen=True, slots=True)
class Entries:
    """Compressed entries of one layer, and which of them each row sees."""

    store: Store
    per_block: int
    rate: int  # row t sees the first (position + 1) // rate entries of its sequence, or of these
    chosen: torch.Tensor | None = None  # [T, k] int32: these numbers; behind them -1


def attend(
    queries: torch.Tensor,
    keys: torch.Tensor,
    rows: Rows,
    ring: torch.Tensor,
    entries: Entries | None,
    sinks: torch.Tensor,
    *,
    window: int,
    kept: bool,
) -> torch.Tensor:
    """Attention over the last ``window`` keys and over entries, under one softmax with a sink.

    Args:
        queries: [T, H, d]. keys: [T, d], those of this batch. sinks: [H] float32.
        ring: [states, length, d], keys of before; with ``kept`` this batch's too.
    Returns:
        [T, H, d]; zeros where nothing is seen and the sink is -inf.
    """
    out = torch.zeros_like(queries)
    for row, position in enumerate(rows.positions.tolist()):
        seen = torch.arange(max(0, position - window + 1), position + 1, device=keys.device)
        first = position + 1 if kept else int(rows.firsts[row])
        old = ring[rows.states[row], seen[seen < first] % ring.shape[1]]
        parts = [old, keys[row + seen[seen >= first] - position]]
        if entries is not None:
            ready = (position + 1) // entries.rate
            numbers = torch.arange(ready, device=keys.device)
            if entries.chosen is not None:
                numbers = entries.chosen[row][entries.chosen[row] >= 0].long()
            table = rows.tables[rows.sequences[row]]
            per_block = entries.per_block
            places = table[numbers // per_block] * per_block + numbers % per_block
            parts.append(read_rows(entries.store, places).to(keys.dtype))
        every = torch.cat(parts)
        visible = torch.ones(1, len(every), dtype=torch.bool, device=keys.device)
        out[row] = attend_with_sink(queries[row, None], every, visible, sinks)[0]
    return out


def turn_index_queries(
    queries: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, store: object
) -> torch.Tensor:
    """The indexer's queries [T, index heads, di] as they meet the keys in ``store``.

    They are turned by position and, where keys are narrow, rounded as keys are: the published
    models multiply both in few bits.
    """
    turned = rotate_pairs(queries, cos[:, None], sin[:, None])
    return store.rounded(turned) if isinstance(store, PagedEntries) else turned


def score_entries(
    queries: torch.Tensor,
    weights: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    rows: Rows,
    entries: Entries,
    most: int,
) -> torch.Tensor:
    """`index_scores` of the first ``most`` entries of each row's sequence; -inf: not there yet.

    Args:
        queries: [T, index heads, di] and weights: [T, index heads], as projected.
        cos, sin: [T, r / 2] float32.
    Returns:
        [T, most] float32.
    """
    queries = turn_index_queries(queries, cos, sin, entries.store)
    weights = weights.float() * weights.shape[-1] ** -0.5
    ready = ((rows.positions + 1) // entries.rate)[:, None]
    numbers = torch.arange(most, device=queries.device).expand(len(queries), -1)
    known = numbers < ready
    places = rows.entry_places(numbers.where(known, 0), entries.per_block)
    scores = index_scores(queries, read_rows(entries.store, places), weights)
    return scores.masked_fill(~known, float("-inf"))


def choose_best(scores: torch.Tensor, ready: torch.Tensor, top_k: int) -> torch.Tensor:
    """The ``top_k`` best of the first ``ready`` [T] entries, in ascending order, -1 behind them.

    Of equal scores the lower number goes first; a score that is no number goes last.
    """
    count = scores.shape[1]
    numbers = torch.arange(count, device=scores.device)
    ranks = scores.nan_to_num(nan=float("-inf")).masked_fill(
        numbers >= ready[:, None], float("-inf")
    )
    unseen = (numbers >= ready[:, None]).long()
    order = ranks.argsort(dim=1, descending=True, stable=True)
    order = order.gather(1, unseen.gather(1, order).argsort(dim=1, stable=True))
    best = torch.full((len(scores), top_k), count, device=scores.device)
    kept = order[:, :top_k]
    best[:, : kept.shape[1]] = kept.masked_fill(kept >= ready[:, None], count)
    best = best.sort(dim=1).values
    return best.masked_fill(best == count, -1).int()


@dataclass(frozen=True, slots=True)
class Fp8Groups:
    """Matrices of all groups as published checkpoints have them: `fp8_block` over their rows."""

    codes: torch.Tensor  # uint8 [G, rank, inner]: E4M3
    scales: torch.Tensor  # uint8 [ceil(G rank / 128), ceil(inner / 128)]: E8M0

    @classmethod
    def of(cls, weight: torch.Tensor) -> "Fp8Groups":
        """Of numbers [G, rank, inner]; those of such a checkpoint come to the same codes again."""
        codes, scales = fp8_block.pack(weight.flatten(0, 1))
        return cls(codes.view(torch.uint8).view(weight.shape), scales.view(torch.uint8))

    @property
    def shape(self) -> torch.Size:
        return self.codes.shape

    def values(self) -> torch.Tensor:
        """float32 [G, rank, inner]."""
        codes = self.codes.view(torch.float8_e4m3fn).flatten(0, 1)
        return fp8_block.unpack(codes, self.scales).view(self.shape)


def turn_back_and_project(
    heads: torch.Tensor, weight: torch.Tensor | Fp8Groups, cos: torch.Tensor, sin: torch.Tensor
) -> torch.Tensor:
    """Heads [T, H, d] turned back by their row's angles, then projected group by group.

    Args:
        weight: [G, rank, H / G * d]. cos, sin: [T, r / 2] float32.
    Returns:
        [T, G * rank].
    """
    if isinstance(weight, Fp8Groups):
        weight = weight.values().to(heads.dtype)
    turned = rotate_pairs(heads, cos[:, None], sin[:, None], inverse=True)
    grouped = turned.reshape(len(heads), len(weight), -1).transpose(0, 1)
    return torch.bmm(grouped, weight.transpose(1, 2)).transpose(0, 1).flatten(1)
