"""DeepSeek-V4's attention by kernels of a backend where `models.deepseek_v4` has plain torch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from inference.kernels.interface import Batch
from inference.kernels.reference.deepseek_v4_seams import Entries, Fp8Groups, Store
from inference.kernels.triton_common.step_rows import StepRows, Steps


@dataclass(frozen=True, slots=True)
class Operators:
    """A backend's kernels, each as its reference in `kernels.reference.deepseek_v4_seams`."""

    norm: Callable[..., torch.Tensor]  # `norm_rows`
    insert: Callable[..., tuple[torch.Tensor, torch.Tensor]]  # `norm_turn_insert`
    compress: Callable[..., None]  # `pool_and_store`
    choose: Callable[..., torch.Tensor]  # `score_entries`, then `choose_best`
    attend: Callable[..., torch.Tensor]  # `attend`
    project: Callable[..., torch.Tensor]  # `turn_back_and_project`, which may turn in place


class FusedAttention:
    """Args:
    plain: a `models.deepseek_v4.attention.Attention`, which gives its output groups away.
    groups: those, as ``project`` wants them.
    first: of the first layer.
    """

    def __init__(
        self,
        plain: Any,
        groups: torch.Tensor | Fp8Groups,
        operators: Operators,
        steps: Steps,
        *,
        first: bool,
    ) -> None:
        self._plain, self._steps, self._first = plain, steps, first
        self._groups, self._call = groups, operators
        plain.output_groups = plain.output_groups.new_empty(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    def __call__(
        self, hidden: torch.Tensor, angles: Any, batch: Batch, memory: Any
    ) -> torch.Tensor:
        """See `Attention.__call__`."""
        plain, config, call = self._plain, self._plain.config, self._call
        step = self._steps.rows(batch, first=self._first)
        ring = memory.raw.rows
        low = call.norm(plain.query_down(hidden), plain.query_norm, eps=config.rms_norm_eps)
        queries, keys = call.insert(
            plain.query_up(low).unflatten(-1, (-1, config.head_dim)).contiguous(),
            plain.key(hidden).contiguous(),
            plain.key_norm,
            *angles,
            eps=config.rms_norm_eps,
            store=ring if step.singles else None,
            places=step.rows.ring_places(ring.shape[1]) if step.singles else None,
        )
        entries = self._entries(hidden, low, angles, step, memory)
        out = call.attend(
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
        # Ours, or what stands in its place: several processes add up what each one's heads give.
        return self.output(call.project(out, self._groups, *angles))

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
        return self._call.choose(
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
        self._call.compress(
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
