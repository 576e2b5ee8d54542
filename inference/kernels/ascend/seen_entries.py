"""Which compressed entries each row attends to, as places in their pool."""

from dataclasses import dataclass

import torch

from inference.kernels.ascend.gather_entries import gather_entries
from inference.kernels.reference.deepseek_v4_seams import Entries, Rows
from inference.quantization import PagedEntries


@dataclass(frozen=True, slots=True)
class Seen:
    """Which entries each row sees: of its group the first so many."""

    places: torch.Tensor  # [groups, width] int32
    groups: torch.Tensor  # [T] int64
    counts: torch.Tensor  # [T] int64
    chosen: bool = False  # each row is a group of its own

    @classmethod
    def of(cls, rows: Rows, entries: Entries) -> "Seen":
        size, chosen, tables = entries.per_block, entries.chosen, rows.tables
        if chosen is None:
            numbers = torch.arange(tables.shape[1] * size, device=tables.device)
            places = tables[:, numbers // size] * size + numbers % size
            return cls(places.int(), rows.sequences, (rows.positions + 1) // entries.rate)
        numbers = chosen.clamp(min=0).long()
        places = tables[rows.sequences[:, None], numbers // size] * size + numbers % size
        own = torch.arange(len(chosen), device=chosen.device)
        return cls(places.int(), own, (chosen >= 0).sum(1), chosen=True)

    def widened(
        self, store: PagedEntries, rope: int, start: int, end: int
    ) -> tuple[torch.Tensor, "Seen"]:
        """Entries of rows ``start`` to ``end`` [groups, width, d], and which of them they see."""
        counts = self.counts
        if self.chosen:
            places, own = self.places[start:end], self.groups - start
            return gather_entries(store, places, counts[start:end], rope), Seen(places, own, counts)
        most = counts.new_zeros(len(self.places)).scatter_reduce_(0, self.groups, counts, "amax")
        return gather_entries(store, self.places, most, rope), self
