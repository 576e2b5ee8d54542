"""A decoder's whole step as one call into C: all layers, and the logits of the rows that sample.

Owns the layout of its cache: keys of a block lie with their positions side by side.
"""

from typing import Any

import torch
from torch.nn.functional import pad

from inference.kernels.interface import Batch

try:
    from inference.kernels.cpu import _native
except ImportError:  # not built: `NativeKernels` is not chosen then
    _native = None

_LANES = 16
_GROUP = 32
_ROUTINGS = {"all": 0, "softmax": 1, "shared": 2}


class NativeCache:
    """Keys [blocks, kv_heads, width, size] and values [blocks, kv_heads, size, width] per layer.

    Block size and head width are padded to 16, so nothing is where they are multiples of it.
    """

    def __init__(self, config: Any, blocks: int, block_size: int, dtype: torch.dtype) -> None:
        size, width = (-(-n // _LANES) * _LANES for n in (block_size, config.head_dim))
        heads = config.num_kv_heads
        self.block_size = block_size
        own = [
            (
                torch.zeros((blocks, heads, config.head_dim, size), dtype=dtype),
                torch.zeros((blocks, heads, size, width), dtype=dtype),
            )
            for _ in range(config.num_layers)
        ]
        # Views as `models.decoder.KeyValueCache` has them, for rows that C does not run.
        self.layers = [
            (
                keys.permute(0, 3, 1, 2)[:, :block_size],
                values.transpose(1, 2)[:, :block_size, :, : config.head_dim],
            )
            for keys, values in own
        ]
        self._own = own
        addresses = [[part.data_ptr() for part in layer] for layer in own]
        self.addresses = torch.tensor(addresses, dtype=torch.long)

    @property
    def bytes(self) -> int:
        return sum(k.nbytes + v.nbytes for k, v in self._own)

    def copy_state(self, source: int, target: int) -> None:
        """There is no running state: what a sequence needs lies in its blocks."""


class NativeStep:
    """Args: decoder: a `Decoder` whose linears and experts `NativeKernels` prepared."""

    def __init__(self, decoder: Any, backend: str, pool: Any) -> None:
        assert _native is not None
        config = decoder.config
        narrow = decoder.dtype == torch.bfloat16
        self._config, self._dtype = config, torch.bfloat16 if narrow else torch.float32
        embedding = decoder.embedding.to(self._dtype).contiguous()
        self._kept: list[torch.Tensor] = [embedding]  # C holds their addresses
        steps = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
        layers = tuple(self._layer(layer) for layer in decoder.layers)
        self._run = _native.Decoder(
            backend,
            pool,
            config.hidden_size,
            config.num_heads,
            config.num_kv_heads,
            config.head_dim,
            decoder.head.out,
            config.rms_norm_eps,
            self._keep(1.0 / config.rope_theta**steps),
            embedding.data_ptr(),
            narrow,
            narrow,
            self._padded(decoder.norm),
            decoder.head.packed,
            layers,
        ).step
        self._vocab = decoder.head.out

    def make_cache(self, num_blocks: int, block_size: int) -> NativeCache:
        return NativeCache(self._config, num_blocks, block_size, self._dtype)

    def logits(self, batch: Batch, cache: NativeCache) -> torch.Tensor:
        """[sampled sequences, vocab] float32."""
        out = torch.empty((len(batch.sample_rows), self._vocab))
        self._step(batch, cache, out.data_ptr(), 0)
        return out

    def states(self, batch: Batch, cache: NativeCache) -> torch.Tensor:
        """[tokens, hidden] float32 after the last norm."""
        out = torch.empty((len(batch.token_ids), self._config.hidden_size))
        self._step(batch, cache, 0, out.data_ptr())
        return out

    def _step(self, batch: Batch, cache: NativeCache, logits: int, states: int) -> None:
        budgets = batch.num_experts
        self._run(
            len(batch.token_ids),
            batch.token_ids.data_ptr(),
            batch.positions.data_ptr(),
            batch.slots.data_ptr(),
            0 if budgets is None else budgets.data_ptr(),
            batch.default_experts,
            batch.sample_rows.data_ptr(),
            len(batch.sample_rows),
            batch.decode_blocks.data_ptr(),
            batch.num_decode,
            batch.decode_blocks.shape[1],
            [(c.row, c.end - c.start, c.blocks.data_ptr()) for c in batch.prefill],
            cache.block_size,
            cache.addresses.data_ptr(),
            logits,
            states,
        )

    def _layer(self, layer: Any) -> tuple[Any, ...]:
        experts, routing = layer.feed_forward.experts, layer.feed_forward.routing
        return (
            self._padded(layer.input_norm),
            self._keep(layer.query_norm),
            self._keep(layer.key_norm),
            self._padded(layer.post_norm),
            layer.qkv.packed,
            layer.output.packed,
            experts.gate.packed,
            experts.up.packed,
            experts.down.packed,
            experts.count,
            experts.width,
            routing.shared,
            _ROUTINGS[routing.kind],
            routing.normalise,
            self._padded(routing.router),
            self._keep(routing.bias),
            experts.limit or 0.0,
        )

    def _keep(self, tensor: torch.Tensor | None) -> int:
        """The address of a float32 copy that lives as long as this step; 0 for None."""
        if tensor is None:
            return 0
        self._kept.append(tensor.float().contiguous())
        return self._kept[-1].data_ptr()

    def _padded(self, tensor: torch.Tensor | None) -> int:
        """The same with the last dimension padded to whole groups."""
        return self._keep(None if tensor is None else pad(tensor, (0, -tensor.shape[-1] % _GROUP)))
