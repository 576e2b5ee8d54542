"""A step's index arithmetic for DeepSeek-V4's kernels, done once and not in every layer."""

from dataclasses import dataclass
from typing import Any

import torch

from inference.kernels.interface import Batch
from inference.kernels.reference.deepseek_v4_seams import Rows


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
