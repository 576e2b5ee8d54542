"""Begins the processes of a parallel worker and gives the engine its model."""

import os

from inference.parallel.groups import EVER, join_world, make_groups
from inference.parallel.leading import LeadingModel
from inference.parallel.part import build_part
from inference.parallel.plan import Plan
from inference.parallel.process import join_and_follow
from inference.parallel.processes import Processes


def launched_rank() -> int | None:
    """This process's rank where a launcher (torchrun) began all of them."""
    rank = os.environ.get("RANK")
    return int(rank) if rank is not None and "MASTER_ADDR" in os.environ else None


def follow_launched(plan: Plan, rank: int) -> None:
    """Be one of the others, to the end; raises when an exchange fails."""
    join_and_follow(plan, rank, None)


def lead(plan: Plan) -> tuple[LeadingModel, tuple[str, ...]]:
    """The model of rank 0, and sentences on what was chosen.

    Raises:
        CheckpointInvalid, CheckpointUnsupported, DeviceUnavailable.
        EngineFailed: another process did not start; what it wrote says why.
    """
    processes, store = None, None
    if launched_rank() is None:
        processes = Processes(plan)
        store = processes.store
    try:
        if processes is not None:
            processes.wait()
        join_world(0, plan.layout.size, plan.device, store, plan.timeout)
        groups = make_groups(plan.layout, 0, plan.device, plan.timeout)
        part = build_part(plan, groups)
        groups.meet(EVER)  # some have more to load than others
    except BaseException:
        if processes is not None:
            processes.kill()
        raise
    return LeadingModel(plan, part, groups, processes), tuple(part.kernels.choices)
