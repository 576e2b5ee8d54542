"""Rank 0: the engine's model, of which the other processes run their parts.

To the engine it is a model like any other. A process that ends, or an exchange that fails, fails
the step; after that every call fails at once, so that requests end and are accounted for. Between
steps the others have to answer once a second, so that a loss is noticed while nothing runs.
"""

import logging
import threading
import weakref
from collections import deque
from itertools import count
from typing import Any

import torch

from inference.errors import EngineFailed
from inference.model_config import AnyConfig, load_config
from inference.parallel.groups import Groups, leave_world
from inference.parallel.moving import Move
from inference.parallel.orders import AddLoads, Answer, Call, End, Follower, Order, moved
from inference.parallel.part import Part
from inference.parallel.placement import add_up, read_loads, write_loads
from inference.parallel.plan import Plan
from inference.parallel.processes import Processes
from inference.parallel.rebalancing import Rebalancer
from inference.parallel.watch import Watch

log = logging.getLogger(__name__)
_CPU = torch.device("cpu")
_WATCH_SECONDS = 1.0


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
        self._recorded = read_loads(self._record) if self._record else {}  # before this start
        self._here = Follower(part, groups)
        self._numbers = count()
        self._unused: list[int] = []
        self._failed = False
        self._rebalancer = Rebalancer(plan.rebalance_steps, plan.redundant_experts)
        self._moves: deque[Move] = deque()
        self.moved_layers = 0  # whose experts were placed anew since the start
        self._turn = threading.Lock()  # held while an order is carried out
        self._watch = Watch(self._greet, _WATCH_SECONDS)

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

    @property
    def ready(self) -> bool:
        """False once a process was lost; every call fails then."""
        return not (self._failed or (self._processes is not None and self._processes.lost))

    @property
    def imbalance(self) -> float:
        """Work of the busiest process by the mean's, in the last window; 1: even."""
        return self._rebalancer.imbalance

    def loads(self) -> dict[str, list[int]]:
        """Tokens that each expert was asked for since the start, by layer."""
        return self._order(AddLoads())

    def between_steps(self) -> None:
        """Look whether experts are placed well, or place those of one layer anew."""
        if self._moves:
            self._order(self._moves.popleft())
            self.moved_layers += 1
        elif self._part.kernels.dispatched and self._rebalancer.due():
            loads = self.loads()
            self._write_record(loads)
            dispatched = self._part.kernels.dispatched
            placements = {layer: experts.placement for layer, experts in dispatched.items()}
            self._moves.extend(self._rebalancer.look(loads, placements))

    def close(self) -> None:
        """Let the other processes end, and note what experts were asked for where that is kept."""
        self._watch.stop()
        if self.ready:
            try:
                self._end()
            except (RuntimeError, EngineFailed) as error:
                log.error("a process of the parallel worker was lost at its end: %s", error)
                self._give_up()
        if self._processes is not None:
            self._processes.close()
        leave_world()

    def _end(self) -> None:
        if self._record is not None:
            self._write_record(self.loads())
        with self._turn:
            self._failed = True  # nothing is computed any more
            self._groups.tell(End())
            self._groups.meet()

    def _write_record(self, loads: dict[str, list[int]]) -> None:
        if self._record is None:
            return
        try:
            write_loads(self._record, add_up(self._recorded, loads))
        except OSError as error:  # no reason to fail those who wait for answers
            log.warning("the record of experts' loads is not written: %s", error)

    def _order(self, order: Order) -> Any:
        with self._turn:
            if not self.ready:
                self._give_up()
                raise EngineFailed(
                    "A process of this parallel worker ended; start the worker again."
                )
            return self._carry_out(order)

    def _carry_out(self, order: Order) -> Any:
        try:
            # Numbers travel from the CPU's memory; here they stay where they are.
            self._groups.tell(moved(order, _CPU) if isinstance(order, Call) else order)
            return self._here.carry_out(order)
        except BaseException:
            self._give_up()
            raise

    def _greet(self) -> None:
        """Have the others answer, unless a step runs, which has time limits of its own."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            if not self._failed:
                self._carry_out(Answer())
        except RuntimeError as error:
            log.error("a process of the parallel worker does not answer: %s", error)
        finally:
            self._turn.release()

    def _give_up(self) -> None:
        """The others wait for exchanges that will not come: end them."""
        if not self._failed:
            log.error("a process of the parallel worker ended or failed")
        self._failed = True
        self._watch.stop()
        if self._processes is not None:
            self._processes.kill()
