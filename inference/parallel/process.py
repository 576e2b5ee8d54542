"""A process beside rank 0: it joins, loads its part, and follows."""

import signal
from pathlib import Path

from inference.parallel.groups import EVER, join_world, leave_world, make_groups
from inference.parallel.orders import follow
from inference.parallel.part import build_part
from inference.parallel.plan import Plan
from inference.parallel.processes import HERE, open_store


def join_and_follow(plan: Plan, rank: int, path: Path | None) -> None:
    """Join rank 0, load this rank's part, and follow it to the end.

    Args:
        path: where rank 0 meets the others on this machine; None: as the launcher's environment
            says (torchrun).
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # rank 0 decides when to end, also where all are told
    store = None
    if path is not None:
        store = open_store(path, plan)
        store.set(HERE.format(rank=rank), "")
    join_world(rank, plan.layout.size, plan.device, store, plan.timeout)
    groups = make_groups(plan.layout, rank, plan.device, plan.timeout)
    part = build_part(plan, groups)
    groups.meet(EVER)  # some have more to load than others
    follow(part, groups)
    leave_world()
