"""How many programs a kernel is started with: one a physical core, each taking tasks in turn."""

from typing import Any, Literal

import torch

Kind = Literal["vector", "cube"]
_INTERPRETED = 2  # under Triton's interpreter: enough for a program to take several tasks
_NAMES = {"vector": "num_vectorcore", "cube": "num_aicore"}


def grid(tasks: int, device: torch.device, kind: Kind) -> tuple[int]:
    """The launch grid of ``tasks`` pieces of work; the kernel's loop is

        for task in range(tl.program_id(0), tasks, tl.num_programs(0)):

    Args:
        kind: "cube" for kernels with `tl.dot`; of vector cores there are two for each of those.
    """
    return (max(1, min(tasks, _cores(device, kind))),)


def _cores(device: torch.device, kind: Kind) -> int:
    if device.type == "cpu":
        return _INTERPRETED
    from triton.runtime import driver

    active: Any = driver.active
    return active.utils.get_device_properties(device.index or 0)[_NAMES[kind]]
