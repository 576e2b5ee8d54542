"""What DeepSeek-V4 remembers of a sequence: entries in blocks, and a running state of fixed size.

Compressed entries grow with the sequence; they lie in blocks of ``block_size`` positions, with
``block_size / rate`` entries of a layer each. The rest does not grow: the last raw keys, and the
projections that are not pooled yet. They lie in a slot, each at its position modulo the length of
its ring, so that a rejected token is simply written over (`SPARE` of them at most), and a copy of
a slot is a snapshot of the sequence.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Literal, get_args

import torch

from inference.model_config_deepseek_v4 import DeepseekV4Config, LayerKind
from inference.quantization import Fp8IndexCodec, KeyCodec, Mxfp4IndexCodec, PagedEntries

KvDtype = Literal["auto", "fp8", "fp8-mxfp4"]  # of entries: as the rest; FP8; the indexer's MXFP4
KV_DTYPES: tuple[KvDtype, ...] = get_args(KvDtype)

SPARE = 16  # positions by which a sequence may be set back


class Ring:
    """Rows of the latest positions of each slot: ``rows[slot, position % length]``."""

    __slots__ = ("length", "rows")

    def __init__(self, rows: torch.Tensor) -> None:
        self.rows = rows  # [slots, length, width], a view
        self.length = rows.shape[1]

    def read(self, slots: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """[..., width] of ``positions`` (those before 0 read anything) of ``slots``."""
        return self.rows[slots, positions % self.length]

    def write(self, slots: torch.Tensor, positions: torch.Tensor, values: torch.Tensor) -> None:
        self.rows[slots, positions % self.length] = values.to(self.rows.dtype)


class Pool:
    """Entries of one layer, ``per_block`` in each block."""

    __slots__ = ("entries", "per_block")

    def __init__(self, entries: torch.Tensor | PagedEntries, per_block: int) -> None:
        self.entries = entries  # [blocks * per_block, width]
        self.per_block = per_block

    def write(self, places: torch.Tensor, values: torch.Tensor) -> None:
        """``values`` [n, width] at ``places`` [n], as what they are kept as."""
        if isinstance(self.entries, torch.Tensor):
            values = values.to(self.entries.dtype)
        self.entries[places] = values

    def places(self, blocks: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        """Where the entries ``numbers`` [...] lie; ``blocks`` [..., most blocks] of each."""
        chosen = blocks.gather(-1, numbers // self.per_block)
        return chosen * self.per_block + numbers % self.per_block


class CompressorMemory:
    """One compressor's entries and the projections it has not pooled yet."""

    __slots__ = ("gates", "pool", "values")

    def __init__(self, pool: Pool, values: Ring, gates: Ring) -> None:
        self.pool = pool
        self.values = values
        self.gates = gates


class LayerMemory:
    __slots__ = ("compressor", "indexer", "raw")

    def __init__(
        self, raw: Ring, compressor: CompressorMemory | None, indexer: CompressorMemory | None
    ) -> None:
        self.raw = raw
        self.compressor = compressor
        self.indexer = indexer


class DeepseekV4Cache:
    """Everything of ``num_blocks`` blocks and ``num_states`` sequences.

    Raises:
        ValueError: ``block_size`` is no multiple of ``config.block_multiple``.
    """

    def __init__(
        self,
        config: DeepseekV4Config,
        num_blocks: int,
        block_size: int,
        num_states: int,
        device: torch.device,
        dtype: torch.dtype,
        *,
        drafts: bool = False,
        kv_dtype: KvDtype = "auto",
    ) -> None:
        if block_size % config.block_multiple:
            raise ValueError(f"block_size must be a multiple of {config.block_multiple}")
        self.config, self.block_size = config, block_size
        self._kv_dtype: KvDtype = kv_dtype
        self._num_blocks, self._device, self._dtype = num_blocks, device, dtype
        raw = raw_width(config) * (config.num_layers + drafts)
        self.raw = torch.zeros(num_states, raw, device=device, dtype=dtype)
        state = sum(_state_widths(config))
        self.state = torch.zeros(num_states, state, device=device)
        self.layers = list(self._layers())
        # The draft module's window, and what it reads of the latest step.
        self.drafter = LayerMemory(self._raw(config.num_layers), None, None) if drafts else None
        self.streams: torch.Tensor | None = None

    @property
    def bytes(self) -> int:
        return self.allocated_block_bytes + self.state_bytes

    @property
    def block_bytes(self) -> int:
        """What grows with the positions that it can hold."""
        return sum(
            memory.pool.entries.nbytes
            for layer in self.layers
            for memory in (layer.compressor, layer.indexer)
            if memory is not None
        )

    @property
    def allocated_block_bytes(self) -> int:
        """The same with what fills pages of narrow entries up."""
        pools = (
            memory.pool.entries
            for layer in self.layers
            for memory in (layer.compressor, layer.indexer)
            if memory is not None
        )
        return sum(p.allocated_bytes if isinstance(p, PagedEntries) else p.nbytes for p in pools)

    @property
    def state_bytes(self) -> int:
        """What grows with the sequences and snapshots that it can hold."""
        return self.raw.nbytes + self.state.nbytes

    def copy_state(self, source: int, target: int) -> None:
        """Take a snapshot, or go back to one."""
        self.raw[target] = self.raw[source]
        self.state[target] = self.state[source]

    def _layers(self) -> Iterator[LayerMemory]:
        config, state_at = self.config, 0
        for index, kind in enumerate(config.layers):
            memories: list[CompressorMemory | None] = []
            for at, width in enumerate(compressor_widths(config, kind)):
                rate = config.rates[kind]
                per_block = self.block_size // rate
                entries = self._entries(self._num_blocks * per_block, width, of_index=at == 1)
                rings = []
                for _ in range(2):
                    length, row = ring_length(kind, rate), ring_width(kind, width)
                    part = self.state[:, state_at : state_at + length * row]
                    state_at += length * row
                    rings.append(Ring(part.unflatten(1, (length, row))))
                memories.append(CompressorMemory(Pool(entries, per_block), *rings))
            memories += [None] * (2 - len(memories))
            yield LayerMemory(self._raw(index), *memories)

    def _entries(self, count: int, width: int, *, of_index: bool) -> torch.Tensor | PagedEntries:
        if self._kv_dtype == "auto":
            return torch.zeros(count, width, device=self._device, dtype=self._dtype)
        if not of_index:
            codec = KeyCodec(width, self.config.rope_dim)
        elif self._kv_dtype == "fp8":
            codec = Fp8IndexCodec(width)
        else:
            codec = Mxfp4IndexCodec(width)
        return PagedEntries(count, codec, self._device, self._dtype)

    def _raw(self, index: int) -> Ring:
        width = raw_width(self.config)
        part = self.raw[:, index * width : (index + 1) * width]
        return Ring(part.unflatten(1, (-1, self.config.head_dim)))


def values_per_token(config: DeepseekV4Config) -> Fraction:
    """Numbers that a position adds to the blocks, of all layers.

    A layer that compresses m positions into an entry of width d adds d / m.
    """
    return sum(
        (
            Fraction(sum(compressor_widths(config, kind)), config.rates.get(kind, 1))
            for kind in config.layers
        ),
        start=Fraction(0),
    )


def raw_width(config: DeepseekV4Config) -> int:
    """Numbers of a layer's ring of raw keys."""
    return (config.window + SPARE) * config.head_dim


def compressor_widths(config: DeepseekV4Config, kind: LayerKind) -> tuple[int, ...]:
    """Width of the entries of each compressor in a layer: of the keys, then of the indexer."""
    if kind == "sliding":
        return ()
    return (config.head_dim, config.index_head_dim) if kind == "csa" else (config.head_dim,)


def ring_length(kind: LayerKind, rate: int) -> int:
    """Positions whose projections may still be pooled."""
    return (2 * rate if kind == "csa" else rate) + SPARE


def ring_width(kind: LayerKind, width: int) -> int:
    """CSA's windows overlap: each position stands in its own and, otherwise projected, the next."""
    return 2 * width if kind == "csa" else width


def _state_widths(config: DeepseekV4Config) -> Iterator[int]:
    """Numbers of each compressor's two rings."""
    for kind in config.layers:
        for width in compressor_widths(config, kind):
            yield 2 * ring_length(kind, config.rates[kind]) * ring_width(kind, width)
