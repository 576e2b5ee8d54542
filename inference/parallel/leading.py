"""Rank 0: the engine's model, of which the other processes run their parts.

To the engine it is a model like any other. A process that ends, or an exchange that fails, fails
the step; after that every call fails at once, so that requests end and are accounted for.
"""

import logging
import weakref
from itertools import count
from typing import Any

import torch

from inference.errors import EngineFailed
from inference.model_config import AnyConfig, load_config
from inference.parallel.groups import Groups, leave_world
from inference.parallel.orders import AddLoads, Call, End, Follower, moved
from inference.parallel.part import Part
from inference.parallel.placement import add_up, read_loads, write_loads
from inference.parallel.plan import Plan
from inference.parallel.processes import Processes

log = logging.getLogger(__name__)
_CPU = torch.device("cpu")


class LeadingCache:
    """A cache that every process has its part of."""

    def __init__(self, model: "LeadingModel", number: int, part: Any) -> None:
        self._model, self.number, self._part = model, number, part

    @property
    def bytes(self) -> int:
        """Here; the others have as much."""
        return self._part.bytes

    def copy_state(self, source: int, target: int) -> None:
        self._model.call("copy_state", self, source, target, of_cache=True)


class LeadingModel:
    """See `inference.models.interface.Model`.

    Args:
        processes: the others, where this process began them.
    """

    def __init__(self, plan: Plan, part: Part, groups: Groups, processes: Processes | None) -> None:
        self.config: AnyConfig = load_config(plan.directory)  # the whole model's
        self._part, self._groups, self._processes = part, groups, processes
        self._record = plan.expert_loads
        self._here = Follower(part, groups)
        self._numbers = count()
        self._unused: list[int] = []
        self._failed = False

    @property
    def device(self) -> torch.device:
        return self._part.model.device

    @property
    def dtype(self) -> torch.dtype:
        return self._part.model.dtype

    @property
    def drafter(self) -> Any:
        """This process's part of the draft module, where the model has one."""
        return getattr(self._part.model, "drafter", None)

    def make_cache(self, num_blocks: int, block_size: int, num_states: int) -> LeadingCache:
        number = next(self._numbers)
        order = Call("make_cache", number, (num_blocks, block_size, num_states))
        cache = LeadingCache(self, number, self._order(order))
        weakref.finalize(cache, self._unused.append, number)
        return cache

    def forward(self, batch: Any, cache: LeadingCache) -> torch.Tensor:
        """Logits of the rows that sample: [rows, vocab] float32."""
        return self.call("forward", cache, batch)

    def hidden_states(self, batch: Any, cache: LeadingCache) -> torch.Tensor:
        """[tokens, hidden] after the last norm."""
        return self.call("hidden_states", cache, batch)

    def draft(
        self, rows: torch.Tensor, batch: Any, states: torch.Tensor, cache: LeadingCache, most: int
    ) -> list[list[int]]:
        """See `DeepseekV4.draft`."""
        return self.call("draft", cache, rows, batch, states, most)

    def call(
        self, method: str, cache: LeadingCache, *arguments: Any, of_cache: bool = False
    ) -> Any:
        """Run it in every process; what it gives here."""
        forget = tuple(self._unused)
        del self._unused[: len(forget)]
        return self._order(Call(method, cache.number, arguments, of_cache, forget))

    def loads(self) -> dict[str, list[int]]:
        """Tokens that each expert was asked for since the start, by layer."""
        return self._order(AddLoads())

    def close(self) -> None:
        """Let the other processes end, and note what experts were asked for where that is kept."""
        if not self._failed:
            if self._record is not None:
                write_loads(self._record, add_up(read_loads(self._record), self.loads()))
            self._failed = True
            self._groups.tell(End())
            self._groups.meet()
        if self._processes is not None:
            self._processes.close()
        leave_world()

    def _order(self, order: Call | AddLoads) -> Any:
        if self._failed or (self._processes is not None and self._processes.lost):
            self._give_up()
            raise EngineFailed("A process of this parallel worker ended; start the worker again.")
        try:
            # Numbers travel from the CPU's memory; here they stay where they are.
            self._groups.tell(moved(order, _CPU))
            return self._here.carry_out(order)
        except BaseException:
            self._give_up()
            raise

    def _give_up(self) -> None:
        """The others wait for exchanges that will not come: end them."""
        if not self._failed:
            log.error("a process of the parallel worker ended or failed")
        self._failed = True
        if self._processes is not None:
            self._processes.kill()
