"""Sizes that decode steps are prepared for, and how such a step's inputs lie in one tensor."""

from dataclasses import dataclass

import torch

FIELDS = 5  # numbers of a row, beside its table: token, position, slot, state, experts
_ALIGNED = 16  # numbers: kernels are compiled for addresses that are multiples of 16 bytes
_SHORTEST = 2048  # positions: longer ones in steps of four times


@dataclass(frozen=True, slots=True)
class Shape:
    """How many sequences a step has room for, and how many blocks each of them may have."""

    rows: int
    blocks: int

    @property
    def numbers(self) -> int:
        """int64 of its inputs."""
        return self._column * (FIELDS + self.blocks)

    @property
    def _column(self) -> int:
        return -(-self.rows // _ALIGNED) * _ALIGNED

    def fields(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        """Views [rows] of ``inputs`` [numbers]: token, position, slot, state, experts."""
        columns = inputs[: self._column * FIELDS].view(FIELDS, -1)
        return [column[: self.rows] for column in columns]

    def tables(self, inputs: torch.Tensor) -> torch.Tensor:
        """The view [rows, blocks] of ``inputs``."""
        return inputs[self._column * FIELDS :][: self.rows * self.blocks].view(self.rows, -1)


def decode_shapes(max_batch: int, positions: int, block_size: int) -> tuple[Shape, ...]:
    """What is prepared for up to ``max_batch`` sequences of ``positions``, the smallest first.

    Example: 3 sequences of 4096 positions in blocks of 16 give rows of 1, 2 and 3, each with 128
    and with 256 blocks.
    """
    lengths = [min(_SHORTEST, positions)]
    while lengths[-1] < positions:
        lengths.append(min(4 * lengths[-1], positions))
    rows = [*(1 << power for power in range((max_batch - 1).bit_length())), max_batch]
    return tuple(Shape(count, -(-length // block_size)) for length in lengths for count in rows)
