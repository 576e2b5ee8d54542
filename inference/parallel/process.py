"""A process beside rank 0: ``python -m inference.parallel.process PLAN PORT RANK``."""

import os
import signal
import sys
import threading

from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]

from inference.parallel.groups import join_world, make_groups
from inference.parallel.orders import follow
from inference.parallel.part import build_part
from inference.parallel.plan import Plan
from inference.parallel.processes import HERE


def main(plan: Plan, rank: int, port: int | None) -> None:
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


def _end_with_parent() -> None:
    sys.stdin.buffer.read()  # to the end of the pipe, which is the parent's
    os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # rank 0 decides when to end
    threading.Thread(target=_end_with_parent, daemon=True).start()
    main(Plan.from_json(sys.argv[1]), int(sys.argv[3]), int(sys.argv[2]))
