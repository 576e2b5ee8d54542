"""DeepSeek-V4's whole step as one call into C, over the rings and pools of its own cache.

Reads the layers that `models.deepseek_v4` prepared with `NativeKernels`; they go on working
operator by operator, over the same cache, for what C is not asked.
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.nn.functional import pad

from inference.kernels.cpu.native_asking import Asking
from inference.kernels.interface import Batch

try:
    from inference.kernels.cpu import _native
except ImportError:  # not built: `NativeKernels` is not chosen then
    _native = None

_LANES, _GROUP, _STREAMS, _SPARE = 16, 32, 4, 16  # as native/v4/v4.h has them
_FLOAT32 = 0  # kind of a packed weight
_MOST_EXPERTS, _WIDEST, _WIDEST_ROPE = 1024, 1024, 512

Pack = Callable[[torch.Tensor], Any]
"""A linear's weight [out, in] as C keeps it."""


def runs_in_c(config: Any, dtype: torch.dtype) -> bool:
    """Whether C has the sizes of ``config`` (a `DeepseekV4Config`); Flash's and Pro's it has."""
    return (
        dtype in (torch.float32, torch.bfloat16)
        and config.hc_mult == _STREAMS
        and config.head_dim % _LANES == config.index_head_dim % _LANES == 0
        and config.index_head_dim <= config.head_dim <= _WIDEST
        and config.rope_dim <= min(config.index_head_dim, _WIDEST_ROPE)
        and config.num_heads % config.o_groups == 0
        and config.num_routed_experts <= _MOST_EXPERTS
    )


class NativeV4Step:
    """A `DeepseekV4`'s steps.

    Args:
        model: of sizes that `runs_in_c`.
        pack: as its linears are packed.
        asking: who has the experts, where C has none; their linears use another pool.
    """

    def __init__(
        self, model: Any, backend: str, pool: Any, pack: Pack, asking: Asking | None = None
    ) -> None:
        assert _native is not None
        self._config, self._dtype = model.config, model.dtype
        self._backend, self._pack = backend, pack
        self.asking = asking
        self._kept: list[torch.Tensor] = []  # C holds their addresses
        self._vocab, self._drafts = model.head.out, model.drafter is not None
        self._memories: WeakKeyDictionary[Any, torch.Tensor] = WeakKeyDictionary()
        trunk = self._model(model, model.layers, model.mixing, model.norm, None)
        self._run = _native.DeepseekV4(backend, pool, trunk).step

    def logits(self, batch: Batch, cache: Any) -> torch.Tensor:
        """[sampled rows, vocab] float32."""
        out = torch.empty((len(batch.sample_rows), self._vocab))
        self._trunk(batch, cache, logits=out.data_ptr())
        return out

    def states(self, batch: Batch, cache: Any) -> torch.Tensor:
        """[tokens, hidden] float32 after the last norm."""
        out = torch.empty((len(batch.token_ids), self._config.hidden_size))
        self._trunk(batch, cache, states=out.data_ptr())
        return out

    def _trunk(self, batch: Batch, cache: Any, *, logits: int = 0, states: int = 0) -> None:
        rows, config = len(batch.token_ids), self._config
        streams = self._streams(rows) if self._drafts else None
        places = 0 if streams is None else streams.data_ptr(), 0
        asks = ()
        if self.asking is not None:
            asks = self.asking.arguments(rows, config.hidden_size, config.num_routed_experts)
        self._step(self._run, batch, cache, self._memory(cache), logits, states, *places, *asks)
        cache.streams = streams
        if batch.mass is not None:
            batch.mass.layers += config.num_layers

    def _step(
        self, run: Any, batch: Batch, cache: Any, memory: torch.Tensor, *results: Any
    ) -> None:
        """Args: results: where logits, states and streams go, where streams come from, and asks."""
        budgets, mass, decode_states = batch.num_experts, batch.mass, batch.decode_states
        run(
            len(batch.token_ids),
            batch.token_ids.data_ptr(),
            batch.positions.data_ptr(),
            batch.num_decode,
            0 if decode_states is None else decode_states.data_ptr(),
            batch.decode_blocks.data_ptr(),
            batch.decode_blocks.shape[1],
            [
                (c.row, c.end - c.start, c.start, c.state, c.blocks.data_ptr())
                for c in batch.prefill
            ],
            0 if budgets is None else budgets.data_ptr(),
            batch.default_experts,
            0 if mass is None else mass.share.data_ptr(),
            0 if mass is None else mass.active.data_ptr(),
            batch.sample_rows.data_ptr(),
            len(batch.sample_rows),
            cache.block_size,
            memory.data_ptr(),
            cache.raw.stride(0),
            cache.state.stride(0),
            *results,
        )

    def _streams(self, rows: int) -> torch.Tensor:
        return torch.empty((rows, _STREAMS, self._config.hidden_size), dtype=self._dtype)

    def _memory(self, cache: Any) -> torch.Tensor:
        """[layers, 7] addresses: the raw ring, and two rings and a pool of each compressor."""
        if cache not in self._memories:
            rows = [
                [
                    layer.raw.rows.data_ptr(),
                    *addresses_of(layer.compressor),
                    *addresses_of(layer.indexer),
                ]
                for layer in cache.layers
            ]
            self._memories[cache] = torch.tensor(rows, dtype=torch.long)
        return self._memories[cache]

    def _model(
        self, model: Any, layers: Any, mixing: Any, norm: torch.Tensor, draft: Any
    ) -> tuple[Any, ...]:
        """``model`` with these layers and this end; ``draft``: the beginning of a draft module."""
        config = model.config
        embedding = model.embedding.to(self._dtype).contiguous()
        self._kept.append(embedding)
        narrow = self._dtype == torch.bfloat16
        return (
            _sizes(model),
            config.rms_norm_eps,
            config.hc_eps,
            config.routed_scaling_factor,
            *(self._keep(rope.frequencies) for rope in model.ropes),
            embedding.data_ptr(),
            narrow,
            narrow,
            self._mixing(mixing),
            self._padded(norm),
            model.head.packed,
            tuple(self._layer(layer) for layer in layers),
            draft,
        )

    def _layer(self, layer: Any) -> tuple[Any, ...]:
        feed_forward = layer.feed_forward
        table = feed_forward.table
        if table is not None:
            self._kept.append(table := table.contiguous())
        return (
            self._mixing(layer.attention_mixing),
            self._padded(layer.attention_norm),
            self._attention(layer.attention),
            self._mixing(layer.feed_forward_mixing),
            self._padded(layer.feed_forward_norm),
            (
                self._exact(feed_forward.router),
                self._keep(feed_forward.bias),
                0 if table is None else table.data_ptr(),
                0 if table is None else table.shape[1],
            ),
            _experts(feed_forward.experts) if self.asking is None else None,
            _experts(feed_forward.shared) if self.asking is None else None,
        )

    def _attention(self, attention: Any) -> tuple[Any, ...]:
        indexer = attention.indexer
        return (
            attention.query_down.packed,
            self._padded(attention.query_norm),
            attention.query_up.packed,
            attention.key.packed,
            self._keep(attention.key_norm),
            self._keep(attention.sinks),
            tuple(self._pack(group) for group in attention.output_groups),
            attention.output.packed,
            self._compressor(attention.compressor),
            self._compressor(None if indexer is None else indexer.compressor),
            None if indexer is None else indexer.query.packed,
            None if indexer is None else indexer.weights.packed,
        )

    def _compressor(self, compressor: Any) -> tuple[Any, ...] | None:
        if compressor is None:
            return None
        return (
            compressor.values.packed,
            compressor.gates.packed,
            self._keep(compressor.bias),
            self._keep(compressor.norm),
            compressor.rate,
            compressor.overlaps,
            len(compressor.norm),
        )

    def _mixing(self, mixing: Any) -> tuple[Any, ...]:
        """Each stream's inputs padded to whole groups, as the streams lie in C."""
        streams = mixing.function.unflatten(1, (_STREAMS, -1))
        function = pad(streams, (0, -streams.shape[-1] % _GROUP)).flatten(1)
        return self._exact(function), self._keep(mixing.scale), self._keep(mixing.base)

    def _exact(self, weight: torch.Tensor) -> Any:
        """A packed weight that stays float32 whatever the engine's format."""
        assert _native is not None
        source = weight.float().contiguous()
        return _native.Weight(self._backend, _FLOAT32, source.data_ptr(), *source.shape)

    def _keep(self, tensor: torch.Tensor | None) -> int:
        """The address of a float32 copy that lives as long as this step; 0 for None."""
        if tensor is None:
            return 0
        self._kept.append(tensor.float().contiguous())
        return self._kept[-1].data_ptr()

    def _padded(self, tensor: torch.Tensor) -> int:
        """The same with the last dimension padded to whole groups."""
        return self._keep(pad(tensor, (0, -tensor.shape[-1] % _GROUP)))


def _sizes(model: Any) -> tuple[int, ...]:
    config = model.config
    return (
        config.vocab_size,
        config.hidden_size,
        config.num_heads,
        config.head_dim,
        config.rope_dim,
        config.q_lora_rank,
        config.o_groups,
        config.o_lora_rank,
        config.window,
        config.window + _SPARE,
        config.index_heads,
        config.index_head_dim,
        config.index_topk,
        config.num_routed_experts,
        config.num_shared_experts,
        config.hc_iterations,
    )


def _experts(experts: Any) -> tuple[Any, ...]:
    parts = (part.packed for part in (experts.gate, experts.up, experts.down))
    return *parts, experts.width, experts.limit or 0.0


def addresses_of(memory: Any) -> list[int]:
    """Two rings and a pool of a compressor; zeros where there is none."""
    if memory is None:
        return [0, 0, 0]
    return [
        part.data_ptr() for part in (memory.values.rows, memory.gates.rows, memory.pool.entries)
    ]
