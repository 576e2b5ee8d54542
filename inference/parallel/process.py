"""A process beside rank 0: it joins, loads its part, and follows."""

from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]

from inference.parallel.groups import join_world, leave_world, make_groups
from inference.parallel.orders import follow
from inference.parallel.part import build_part
from inference.parallel.plan import Plan
from inference.parallel.processes import HERE


def join_and_follow(plan: Plan, rank: int, port: int | None) -> None:
    """Join rank 0, load this rank's part, and follow it to the end.

    Args:
        port: where rank 0 meets the others on this machine; None: as the launcher's environment
            says (torchrun).
    """
    store = None
    if port is not None:
        store = TCPStore("127.0.0.1", port, is_master=False)
        store.set(HERE.format(rank=rank), "")
    join_world(rank, plan.layout.size, plan.device, store)
    groups = make_groups(plan.layout, rank, plan.device, plan.timeout)
    follow(build_part(plan, groups), groups)
    leave_world()
