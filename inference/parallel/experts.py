"""Experts of which each process has some: rows travel to where their experts are, and back."""

import torch

from inference.kernels.interface import Experts
from inference.parallel.groups import Group, Groups
from inference.parallel.placement import Placement


class SharedWidthExperts:
    """Experts that all processes have a part of the width of; their outputs add up."""

    def __init__(self, inner: Experts, group: Group) -> None:
        self._inner, self._group = inner, group

    def __call__(self, hidden: torch.Tensor, gates: torch.Tensor | None) -> torch.Tensor:
        return self._group.add_up(self._inner(hidden, gates))


class DispatchedExperts:
    """One layer's experts, placed over the processes of a column.

    All of them have all rows; each one is in charge of a part of the rows. It sends each of its
    rows once to every process that has an expert for it, with the gates of those experts
    (dispatch); what comes back are sums over the experts there, which it adds up (combine). Then
    every process gets all rows again.
    """

    def __init__(self, inner: Experts, placement: Placement, groups: Groups) -> None:
        self._groups = groups
        self.tokens = torch.zeros(placement.num_experts, dtype=torch.long)  # of this one's rows
        self.place(inner, placement)

    def place(self, inner: Experts, placement: Placement) -> None:
        """From now on ``inner`` holds this process's experts of ``placement``."""
        self.inner, self.placement = inner, placement
        self._slots = [torch.tensor(held, dtype=torch.long) for held in placement.slots]
        self._copies = _copies(placement)
        self._width = max(len(held) for held in placement.slots)

    def __call__(self, hidden: torch.Tensor, gates: torch.Tensor | None) -> torch.Tensor:
        group, count = self._groups.expert, len(hidden)
        if gates is None:
            gates = hidden.new_ones(count, len(self.tokens))
        rows = group.rows(count)
        mine, chosen = hidden[rows], gates[rows]
        self.tokens = self.tokens.to(hidden.device) + (chosen != 0).sum(0)
        ids = torch.arange(rows.start, rows.stop, device=hidden.device)
        parts = [self._for_process(rank, chosen, ids) for rank in range(group.size)]
        out = torch.zeros_like(mine)
        sent = [at for at, _ in parts]
        received = group.exchange([torch.cat([mine[at], weights], dim=1) for at, weights in parts])
        computed = self._compute(torch.cat(received), hidden.shape[1])
        back = group.exchange_known(
            computed, [len(part) for part in received], [len(at) for at in sent]
        )
        out.index_add_(0, torch.cat(sent), back)
        return group.join_rows(self._groups.tensor.add_up(out), count)

    def _for_process(
        self, process: int, gates: torch.Tensor, ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows with an expert there, and their gates [rows, most slots] of its slots."""
        held = self._slots[process].to(gates.device)
        number, copies = (part[process].to(gates.device) for part in self._copies)
        turn = ids[:, None] % copies == number  # a row goes to one of an expert's copies
        there = gates[:, held] * turn
        at = there.any(dim=1).nonzero().flatten()
        padded = there.new_zeros(len(at), self._width)
        padded[:, : len(held)] = there[at]
        return at, padded

    def _compute(self, rows: torch.Tensor, width: int) -> torch.Tensor:
        """Sums [rows, width] over the experts here of rows with their gates behind them."""
        if not len(rows):
            return rows[:, :width]
        held = len(self._slots[self._groups.expert.index])
        gates = rows[:, width : width + held].contiguous()
        return self.inner(rows[:, :width].contiguous(), gates)


def _copies(placement: Placement) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Of each rank's slots: which copy of its expert it is, and how many there are."""
    ranks = placement.copies()
    numbers = [
        torch.tensor([ranks[expert].index(rank) for expert in held], dtype=torch.long)
        for rank, held in enumerate(placement.slots)
    ]
    counts = [
        torch.tensor([len(ranks[expert]) for expert in held], dtype=torch.long)
        for held in placement.slots
    ]
    return numbers, counts
