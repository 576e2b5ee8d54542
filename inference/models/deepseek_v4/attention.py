"""Attention over one shared key per position: the last raw ones, and compressed ones before."""

from dataclasses import dataclass

import torch

from inference.kernels.interface import Batch, Linear, PrefillChunk
from inference.kernels.reference.deepseek_v4 import (
    attend_with_sink,
    bare_rms_norm,
    index_scores,
    rotate_pairs,
    wide_rms_norm,
)
from inference.kernels.reference.deepseek_v4_seams import turn_index_queries
from inference.model_config_deepseek_v4 import DeepseekV4Config
from inference.models.deepseek_v4.cache import CompressorMemory, LayerMemory
from inference.models.deepseek_v4.compressor import Compressor
from inference.models.deepseek_v4.rope import Angles


@dataclass(slots=True)
class Indexer:
    """Chooses the entries that a query sees."""

    compressor: Compressor
    query: Linear  # [q rank] -> [index heads * index width]
    weights: Linear  # [hidden] -> [index heads]


@dataclass(slots=True)
class Attention:
    """Prepared weights of one layer's attention."""

    config: DeepseekV4Config
    query_down: Linear
    query_norm: torch.Tensor
    query_up: Linear
    key: Linear
    key_norm: torch.Tensor
    sinks: torch.Tensor  # [heads] float32
    output_groups: torch.Tensor  # [groups, rank, heads / groups * width]
    output: Linear
    compressor: Compressor | None
    indexer: Indexer | None

    def __call__(
        self, hidden: torch.Tensor, angles: Angles, batch: Batch, memory: LayerMemory
    ) -> torch.Tensor:
        """[T, D] to [T, D]; the rows' keys and entries go into ``memory``."""
        config, eps = self.config, self.config.rms_norm_eps
        low = wide_rms_norm(self.query_down(hidden), self.query_norm, eps)
        heads = self.query_up(low).unflatten(-1, (config.num_heads, config.head_dim))
        turn = tuple(part[:, None] for part in angles)
        queries = rotate_pairs(bare_rms_norm(heads, eps), *turn)
        keys = rotate_pairs(wide_rms_norm(self.key(hidden), self.key_norm, eps), *angles)
        wanted = self._index_queries(low, hidden, angles, memory.indexer)
        out = torch.empty_like(queries)
        if batch.num_decode:
            rows = slice(0, batch.num_decode)
            out[rows] = self._decode(rows, hidden, queries, keys, wanted, batch, memory)
        for chunk in batch.prefill:
            rows = slice(chunk.row, chunk.row + chunk.end - chunk.start)
            out[rows] = self._prefill(rows, hidden, queries, keys, wanted, chunk, memory)
        out = rotate_pairs(out, *turn, inverse=True)
        grouped = out.reshape(len(out), config.o_groups, -1).transpose(0, 1)
        mixed = torch.bmm(grouped, self.output_groups.transpose(1, 2)).transpose(0, 1)
        return self.output(mixed.flatten(1))

    def _index_queries(
        self,
        low: torch.Tensor,
        hidden: torch.Tensor,
        angles: Angles,
        memory: CompressorMemory | None,
    ) -> tuple[torch.Tensor, torch.Tensor] | None:
        """The indexer's queries [T, index heads, width], and the weight of each head."""
        if self.indexer is None or memory is None:
            return None
        heads = self.indexer.query(low).unflatten(-1, (-1, self.config.index_head_dim))
        weights = self.indexer.weights(hidden).float() * self.config.index_heads**-0.5
        return turn_index_queries(heads, *angles, memory.pool.entries), weights

    def _decode(
        self,
        rows: slice,
        hidden: torch.Tensor,
        queries: torch.Tensor,
        keys: torch.Tensor,
        wanted: tuple[torch.Tensor, torch.Tensor] | None,
        batch: Batch,
        memory: LayerMemory,
    ) -> torch.Tensor:
        """One token of each of several sequences."""
        assert batch.decode_states is not None
        positions, slots = batch.positions[rows], batch.decode_states
        memory.raw.write(slots, positions, keys[rows])
        window = positions[:, None] - torch.arange(self.config.window, device=hidden.device)
        seen = [memory.raw.read(slots[:, None], window)]
        visible = [window >= 0]
        if self.compressor is not None and memory.compressor is not None:
            blocks, rate = batch.decode_blocks, self.compressor.rate
            self.compressor.decode(hidden[rows], positions, slots, blocks, memory.compressor)
            if self.indexer is not None and memory.indexer is not None:
                self.indexer.compressor.decode(
                    hidden[rows], positions, slots, blocks, memory.indexer
                )
            ready = (positions + 1) // rate
            most = batch.decode_most // rate
            if most:
                numbers, known = self._chosen(rows, wanted, memory.indexer, blocks, ready, most)
                places = memory.compressor.pool.places(blocks, numbers)
                seen.append(memory.compressor.pool.entries[places])
                visible.append(known)
        return attend_with_sink(
            queries[rows], torch.cat(seen, 1), torch.cat(visible, 1), self.sinks
        )

    def _chosen(
        self,
        rows: slice,
        wanted: tuple[torch.Tensor, torch.Tensor] | None,
        memory: CompressorMemory | None,
        blocks: torch.Tensor,
        ready: torch.Tensor,
        most: int,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Entries that each query sees, and which of them count: each [T, n]."""
        every = torch.arange(most, device=ready.device).expand(len(ready), -1)
        known = every < ready[:, None]
        if wanted is None or memory is None or most <= self.config.index_topk:
            return every, known
        entries = memory.pool.entries[memory.pool.places(blocks, every)]
        scores = index_scores(wanted[0][rows], entries, wanted[1][rows])
        best = scores.masked_fill(~known, float("-inf")).topk(self.config.index_topk, dim=-1)
        return best.indices, known.gather(1, best.indices)

    def _prefill(
        self,
        rows: slice,
        hidden: torch.Tensor,
        queries: torch.Tensor,
        keys: torch.Tensor,
        wanted: tuple[torch.Tensor, torch.Tensor] | None,
        chunk: PrefillChunk,
        memory: LayerMemory,
    ) -> torch.Tensor:
        """A run of positions of one sequence."""
        device, window = hidden.device, self.config.window
        slot = torch.full((1,), chunk.state, device=device)
        older = torch.arange(max(0, chunk.start - window + 1), chunk.start, device=device)
        here = torch.arange(chunk.start, chunk.end, device=device)
        seen = [memory.raw.read(slot, older), keys[rows]]
        kept = slice(-min(len(here), memory.raw.length), None)
        memory.raw.write(slot, here[kept], keys[rows][kept])
        raw = torch.cat([older, here])
        visible = [(raw <= here[:, None]) & (raw > here[:, None] - window)]
        if self.compressor is not None and memory.compressor is not None:
            self.compressor.prefill(
                hidden[rows], chunk.start, chunk.state, chunk.blocks, memory.compressor
            )
            if self.indexer is not None and memory.indexer is not None:
                self.indexer.compressor.prefill(
                    hidden[rows], chunk.start, chunk.state, chunk.blocks, memory.indexer
                )
            every = torch.arange(chunk.end // self.compressor.rate, device=device)
            pool = memory.compressor.pool
            seen.append(pool.entries[pool.places(chunk.blocks, every)])
            visible.append(self._visible(rows, wanted, chunk, memory.indexer, every, here))
        return attend_with_sink(queries[rows], torch.cat(seen), torch.cat(visible, 1), self.sinks)

    def _visible(
        self,
        rows: slice,
        wanted: tuple[torch.Tensor, torch.Tensor] | None,
        chunk: PrefillChunk,
        memory: CompressorMemory | None,
        every: torch.Tensor,
        here: torch.Tensor,
    ) -> torch.Tensor:
        """Which of the entries ``every`` each row sees: [T, entries]."""
        assert self.compressor is not None
        known = every < ((here + 1) // self.compressor.rate)[:, None]
        if wanted is None or memory is None or len(every) <= self.config.index_topk:
            return known
        entries = memory.pool.entries[memory.pool.places(chunk.blocks, every)]
        scores = index_scores(wanted[0][rows], entries, wanted[1][rows])
        best = scores.masked_fill(~known, float("-inf")).topk(self.config.index_topk, dim=-1)
        return torch.zeros_like(known).scatter_(1, best.indices, True) & known
