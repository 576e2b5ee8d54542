"""Processes that compute together, over ``torch.distributed``.

Rows go over the device's own library (`backends`); orders from rank 0 always go over gloo, whose
waiting costs nothing and which notices at once when a process ends.
"""

import os
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

import torch
import torch.distributed as dist

from inference.kernels.registry import resolve_device
from inference.parallel.backends import BACKENDS, environment, local_device
from inference.parallel.layout import Layout

EVER = timedelta(days=3650)  # an idle worker waits so long for its next order


class Group:
    """Some ranks, in an order; ``index`` is the place of this process."""

    def __init__(self, ranks: list[int], handle: Any, rank: int) -> None:
        self.size, self.index = len(ranks), ranks.index(rank)
        self._handle = handle

    def rows(self, count: int) -> slice:
        """Which of ``count`` rows this process has, all about the same number."""
        return slice(*self._bounds(count)[self.index])

    def add_up(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum of every process's tensor, in place."""
        if self.size > 1:
            dist.all_reduce(tensor, group=self._handle)
        return tensor

    def join_rows(self, tensor: torch.Tensor, count: int) -> torch.Tensor:
        """[count, ...] of what each process has of it (see `rows`)."""
        if self.size == 1:
            return tensor
        most = -(-count // self.size)
        mine = tensor.new_zeros(most, *tensor.shape[1:])
        mine[: len(tensor)] = tensor
        every = self._gathered(mine)
        bounds = self._bounds(count)
        return torch.cat([p[: end - start] for p, (start, end) in zip(every, bounds, strict=True)])

    def exchange(self, parts: list[torch.Tensor]) -> list[torch.Tensor]:
        """Give ``parts[i]`` [n_i, width] to process i; what each one gave to this."""
        counts = torch.tensor([len(part) for part in parts], device=parts[0].device)
        received = torch.empty_like(counts)
        dist.all_to_all_single(received, counts, group=self._handle)
        sizes = received.tolist()
        return list(self.exchange_known(torch.cat(parts), counts.tolist(), sizes).split(sizes))

    def exchange_known(self, rows: torch.Tensor, give: list[int], take: list[int]) -> torch.Tensor:
        """``give[i]`` consecutive rows to process i, and ``take[i]`` from it, in their order."""
        out = rows.new_empty(sum(take), rows.shape[1])
        dist.all_to_all_single(out, rows.contiguous(), take, give, group=self._handle)
        return out

    def _bounds(self, count: int) -> list[tuple[int, int]]:
        return list(pairwise(count * part // self.size for part in range(self.size + 1)))

    def _gathered(self, mine: torch.Tensor) -> list[torch.Tensor]:
        every = [torch.empty_like(mine) for _ in range(self.size)]
        dist.all_gather(every, mine, group=self._handle)
        return every


@dataclass(frozen=True, slots=True)
class Groups:
    """All that one process knows of the others."""

    layout: Layout
    rank: int
    tensor: Group
    expert: Group
    timeout: timedelta  # of one exchange
    _control: Any

    def tell(self, order: Any) -> None:
        """From rank 0 to all others; raises RuntimeError when one is gone or takes nothing."""
        dist.broadcast_object_list([order], src=0, group=self._control)

    def hear(self) -> Any:
        """What rank 0 tells; waits for it."""
        order: list[Any] = [None]
        dist.broadcast_object_list(order, src=0, group=self._control)
        return order[0]

    def meet(self, timeout: timedelta | None = None) -> None:
        """Wait until all processes are here.

        Raises:
            RuntimeError: one ended, or did not come in time; rank 0's says which.
        """
        dist.monitored_barrier(group=self._control, timeout=timeout or self.timeout)


def make_groups(layout: Layout, rank: int, device: str, timeout: timedelta) -> Groups:
    """The groups of a joined world of ``layout.size`` processes, which all call this."""

    def group(every: list[list[int]]) -> Group:
        """All processes make all groups, in one order; this one's is given back."""
        made = [
            (ranks, dist.new_group(ranks, timeout=timeout, backend=BACKENDS[device]))
            for ranks in every
            if len(ranks) > 1
        ]
        mine = ((ranks, handle) for ranks, handle in made if rank in ranks)
        return Group(*next(mine, ([rank], None)), rank)

    # Rank 0 gives up on who takes no order; the others wait for one as long as it takes.
    patience = EVER if rank else timeout
    control = dist.new_group(list(range(layout.size)), timeout=patience, backend="gloo")
    rows = [layout.row(first) for first in range(0, layout.size, layout.tensor)]
    columns = [layout.column(first) for first in range(layout.tensor)]
    return Groups(layout, rank, group(rows), group(columns), timeout, control)


def join_world(rank: int, size: int, device: str, store: Any | None, timeout: timedelta) -> None:
    """Meet the other processes; without a store where the launcher's environment says.

    Raises:
        DeviceUnavailable: there is no such device here, or none for this process.
    """
    kind = resolve_device(device).type  # registers an NPU's library
    for name, value in environment(kind, timeout).items():
        os.environ.setdefault(name, value)
    if kind != "cpu":
        cards = getattr(torch, kind)  # torch.cuda, torch.npu
        cards.set_device(local_device(rank, os.environ, cards.device_count()))
    where = {} if store is None else {"store": store}
    dist.init_process_group(BACKENDS[kind], rank=rank, world_size=size, **where)


def leave_world() -> None:
    """Close connections to the other processes, if there are any."""
    if dist.is_initialized():
        dist.destroy_process_group()
