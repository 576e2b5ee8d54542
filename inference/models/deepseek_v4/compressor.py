"""Pools windows of projected tokens into entries: HCA's plain windows, CSA's overlapping ones."""

from dataclasses import dataclass

import torch

from inference.kernels.interface import Linear
from inference.kernels.reference.deepseek_v4 import pool_windows, rotate_pairs, wide_rms_norm
from inference.models.deepseek_v4.cache import CompressorMemory
from inference.models.deepseek_v4.rope import Rope


@dataclass(slots=True)
class Compressor:
    """Prepared weights of one compressor; ``width`` is that of its entries."""

    values: Linear  # [hidden] -> [width], twice as wide where windows overlap
    gates: Linear
    bias: torch.Tensor  # [rate, that width] float32: by place in the window
    norm: torch.Tensor  # [width]
    rate: int
    overlaps: int  # windows before its own that an entry is made of: 0, or 1 in CSA
    rope: Rope
    eps: float

    def decode(
        self,
        hidden: torch.Tensor,
        positions: torch.Tensor,
        slots: torch.Tensor,
        blocks: torch.Tensor,
        memory: CompressorMemory,
    ) -> None:
        """Take in one token of each of several sequences; make the entries that it completes.

        Args:
            hidden: [T, D]. positions, slots: [T]. blocks: [T, most blocks].
        """
        values, gates = self._project(hidden, positions)
        memory.values.write(slots, positions, values)
        memory.gates.write(slots, positions, gates)
        closing = ((positions + 1) % self.rate == 0).nonzero().flatten()
        if not len(closing):
            return
        numbers = positions[closing] // self.rate
        first = (numbers - self.overlaps) * self.rate
        span = torch.arange((1 + self.overlaps) * self.rate, device=hidden.device)
        window = first[:, None] + span
        slots = slots[closing][:, None]
        entries = self._entries(
            memory.values.read(slots, window), memory.gates.read(slots, window), numbers
        )
        places = memory.pool.places(blocks[closing], numbers[:, None])[:, 0]
        memory.pool.write(places, entries)

    def prefill(
        self,
        hidden: torch.Tensor,
        start: int,
        slot: int,
        blocks: torch.Tensor,
        memory: CompressorMemory,
    ) -> None:
        """Take in a run of tokens of one sequence: ``hidden`` [T, D] from position ``start`` on."""
        end = start + len(hidden)
        positions = torch.arange(start, end, device=hidden.device)
        fresh = self._project(hidden, positions)
        here = torch.full((1,), slot, device=hidden.device)
        first, last = start // self.rate, end // self.rate
        if last > first:
            numbers = torch.arange(first, last, device=hidden.device)
            values, gates = (
                self._windows(ring.read(here, self._older(first, start, here)), new, last - first)
                for ring, new in zip((memory.values, memory.gates), fresh, strict=True)
            )
            entries = self._entries(values, gates, numbers)
            memory.pool.write(memory.pool.places(blocks, numbers), entries)
        kept = slice(-min(len(hidden), memory.values.length), None)
        for ring, new in zip((memory.values, memory.gates), fresh, strict=True):
            ring.write(here, positions[kept], new[kept])

    def _project(
        self, hidden: torch.Tensor, positions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        values = self.values(hidden).float()
        return values, self.gates(hidden).float() + self.bias[positions % self.rate]

    def _older(self, first: int, start: int, like: torch.Tensor) -> torch.Tensor:
        """Positions before the run that its windows need; those before 0 are masked later."""
        return torch.arange((first - self.overlaps) * self.rate, start, device=like.device)

    def _windows(self, older: torch.Tensor, fresh: torch.Tensor, count: int) -> torch.Tensor:
        """[count, slots, row]: consecutive windows, behind those before them if they overlap."""
        rows = torch.cat([older, fresh])[: (count + self.overlaps) * self.rate]
        windows = rows.view(count + self.overlaps, self.rate, -1)
        return torch.cat([windows[:-1], windows[1:]], dim=1) if self.overlaps else windows

    def _entries(
        self, values: torch.Tensor, gates: torch.Tensor, numbers: torch.Tensor
    ) -> torch.Tensor:
        """Entries ``numbers`` [windows] of what their windows hold: [windows, slots, row]."""
        if self.overlaps:
            rate, width = self.rate, values.shape[-1] // 2
            values, gates = (
                torch.cat([part[:, :rate, :width], part[:, rate:, width:]], dim=1)
                for part in (values, gates)
            )
            nothing = (numbers == 0)[:, None, None] & (
                torch.arange(2 * rate, device=values.device) < rate
            )[None, :, None]
            values = values.masked_fill(nothing, 0.0)
            gates = gates.masked_fill(nothing, float("-inf"))
        pooled = wide_rms_norm(pool_windows(values, gates), self.norm, self.eps)
        return rotate_pairs(pooled, *self.rope(numbers * self.rate)).to(values.dtype)
