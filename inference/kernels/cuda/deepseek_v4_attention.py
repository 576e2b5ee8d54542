"""DeepSeek-V4's attention with this package's kernels where `models.deepseek_v4` has plain torch.

A step's index arithmetic (`StepRows`) is done once, not in every layer.
"""

from dataclasses import dataclass
from typing import Any

import torch

from inference.kernels.cuda.compress_store import compress_store
from inference.kernels.cuda.index_choice import choose_entries
from inference.kernels.cuda.output_projection import output_projection
from inference.kernels.cuda.qkv_norm_rope_insert import qkv_norm_rope_insert
from inference.kernels.cuda.rms_norm import rms_norm
from inference.kernels.cuda.sparse_attention import sparse_attention
from inference.kernels.interface import Batch
from inference.kernels.reference.deepseek_v4_seams import Entries, Fp8Groups, Rows, Store
from inference.kernels.reference.packed_experts import ExpertFormat


@dataclass(slots=True)
class StepRows:
    """One batch as the kernels want it."""

    batch: Batch
    rows: Rows
    singles: bool  # every sequence has one row
    longest: int  # positions of the longest sequence
    kept: dict[int, torch.Tensor]  # rows that a ring keeps, by its length
    windows: dict[tuple[int, int], tuple[torch.Tensor, ...]]  # see `window`
    readies: dict[int, torch.Tensor]  # see `ready`

    @classmethod
    def of(cls, batch: Batch) -> "StepRows":
        chunks, positions = batch.prefill, batch.positions
        singles, device = positions[: batch.num_decode], positions.device
        lengths = [chunk.end - chunk.start for chunk in chunks]

        def column(decode: torch.Tensor, values: list[int]) -> torch.Tensor:
            if not values:
                return decode
            each = torch.tensor(values, device=device)
            repeats = torch.tensor(lengths, device=device)
            rest = each.repeat_interleave(repeats, output_size=sum(lengths))
            return torch.cat([decode, rest])

        count = batch.num_decode
        states = singles if batch.decode_states is None else batch.decode_states
        return cls(
            batch=batch,
            rows=Rows(
                positions=positions,
                states=column(states, [chunk.state for chunk in chunks]),
                firsts=column(singles, [chunk.start for chunk in chunks]),
                lasts=column(singles, [chunk.end - 1 for chunk in chunks]),
                sequences=column(
                    torch.arange(count, device=device), [count + at for at in range(len(chunks))]
                ),
                tables=_tables(batch),
            ),
            singles=not chunks,
            longest=max([batch.decode_most, *(chunk.end for chunk in chunks)]),
            kept={},
            windows={},
            readies={},
        )

    def latest(self, length: int) -> torch.Tensor:
        """Numbers of the rows that a ring of ``length`` keeps."""
        if length not in self.kept:
            numbers = list(range(self.batch.num_decode))
            for chunk in self.batch.prefill:
                end = chunk.row + chunk.end - chunk.start
                numbers += range(max(chunk.row, end - length), end)
            self.kept[length] = torch.tensor(numbers, device=self.rows.positions.device)
        return self.kept[length]

    def ready(self, rate: int) -> torch.Tensor:
        """[T] how many entries each row sees."""
        if rate not in self.readies:
            self.readies[rate] = (self.rows.positions + 1) // rate
        return self.readies[rate]

    def window(self, compressor: Any, per_block: int) -> tuple[torch.Tensor, ...]:
        """Of each row's window: where its entry goes, cos and sin of its first position."""
        rate = compressor.rate
        if (rate, per_block) not in self.windows:
            places = self.rows.closing_places(rate, per_block)
            angles = compressor.rope(self.rows.positions // rate * rate)
            self.windows[rate, per_block] = (places, *angles)
        return self.windows[rate, per_block]


def _tables(batch: Batch) -> torch.Tensor:
    """[sequences, most blocks] of all sequences, filled up with block 0."""
    if not batch.prefill:
        return batch.decode_blocks
    most = max([batch.decode_blocks.shape[1], *(len(chunk.blocks) for chunk in batch.prefill), 1])
    tables = batch.decode_blocks.new_zeros(batch.num_decode + len(batch.prefill), most)
    tables[: batch.num_decode, : batch.decode_blocks.shape[1]] = batch.decode_blocks
    for at, chunk in enumerate(batch.prefill, batch.num_decode):
        tables[at, : len(chunk.blocks)] = chunk.blocks
    return tables


class Steps:
    """The rows of the step that is running, for all layers of a model."""

    def __init__(self) -> None:
        self._step: StepRows | None = None

    def rows(self, batch: Batch, *, first: bool) -> StepRows:
        """Args: first: the first layer asks; a batch's tensors may hold another step by now."""
        if first or self._step is None or self._step.batch is not batch:
            self._step = StepRows.of(batch)
        return self._step


class CudaAttention:
    """Args:
    plain: a `models.deepseek_v4.attention.Attention`, which gives its output groups away.
    form: what weights are kept as; of a checkpoint in FP8 and MXFP4 the groups are FP8.
    first: of the first layer.
    """

    def __init__(self, plain: Any, form: ExpertFormat, steps: Steps, *, first: bool) -> None:
        self._plain, self._steps, self._first = plain, steps, first
        groups = plain.output_groups.contiguous()
        self._groups = Fp8Groups.of(groups) if form in ("fp8", "mxfp4") else groups
        plain.output_groups = plain.output_groups.new_empty(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    def __call__(
        self, hidden: torch.Tensor, angles: Any, batch: Batch, memory: Any
    ) -> torch.Tensor:
        """See `Attention.__call__`."""
        plain, config = self._plain, self._plain.config
        step = self._steps.rows(batch, first=self._first)
        ring = memory.raw.rows
        low = rms_norm(plain.query_down(hidden), plain.query_norm, eps=config.rms_norm_eps)
        queries, keys = qkv_norm_rope_insert(
            plain.query_up(low).unflatten(-1, (-1, config.head_dim)).contiguous(),
            plain.key(hidden).contiguous(),
            plain.key_norm,
            *angles,
            eps=config.rms_norm_eps,
            store=ring if step.singles else None,
            places=step.rows.ring_places(ring.shape[1]) if step.singles else None,
        )
        entries = self._entries(hidden, low, angles, step, memory)
        out = sparse_attention(
            queries,
            keys,
            step.rows,
            ring,
            entries,
            plain.sinks,
            window=config.window,
            kept=step.singles,
            rope=config.rope_dim,
        )
        if not step.singles:  # a run reads what the ring held before it
            kept = step.latest(ring.shape[1])
            places = step.rows.positions[kept] % ring.shape[1]
            ring[step.rows.states[kept], places] = keys[kept]
        return plain.output(output_projection(out, self._groups, *angles))

    def _entries(
        self, hidden: torch.Tensor, low: torch.Tensor, angles: Any, step: StepRows, memory: Any
    ) -> Entries | None:
        """Takes the rows into the compressors; the entries that they attend to."""
        plain = self._plain
        if plain.compressor is None:
            return None
        self._compress(plain.compressor, hidden, step, memory.compressor)
        entries = _all_entries(plain.compressor.rate, memory.compressor.pool)
        if plain.indexer is not None:
            self._compress(plain.indexer.compressor, hidden, step, memory.indexer)
            most = step.longest // entries.rate
            if most > plain.config.index_topk:
                entries = Entries(
                    entries.store,
                    entries.per_block,
                    entries.rate,
                    self._chosen(hidden, low, angles, step, memory.indexer, most),
                )
        return entries

    def _chosen(
        self,
        hidden: torch.Tensor,
        low: torch.Tensor,
        angles: Any,
        step: StepRows,
        memory: Any,
        most: int,
    ) -> torch.Tensor:
        """The entries that the indexer chooses for each row: [T, index_topk] int32."""
        config, indexer = self._plain.config, self._plain.indexer
        entries = _all_entries(indexer.compressor.rate, memory.pool)
        return choose_entries(
            indexer.query(low).unflatten(-1, (-1, config.index_head_dim)).contiguous(),
            indexer.weights(hidden).contiguous(),
            *angles,
            rows=step.rows,
            ready=step.ready(entries.rate),
            entries=entries,
            most=most,
            top_k=config.index_topk,
        )

    def _compress(self, compressor: Any, hidden: torch.Tensor, step: StepRows, memory: Any) -> None:
        places, cos, sin = step.window(compressor, memory.pool.per_block)
        compress_store(
            compressor.values(hidden).contiguous(),
            compressor.gates(hidden).contiguous(),
            compressor.bias,
            compressor.norm,
            cos,
            sin,
            step.rows,
            places,
            _store(memory.pool.entries),
            memory.values.rows,
            memory.gates.rows,
            overlaps=bool(compressor.overlaps),
            eps=compressor.eps,
            singles=step.singles,
        )


def _store(entries: Store) -> Store:
    return entries[None] if isinstance(entries, torch.Tensor) else entries


def _all_entries(rate: int, pool: Any) -> Entries:
    return Entries(_store(pool.entries), pool.per_block, rate)
