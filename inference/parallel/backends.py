"""What ``torch.distributed`` is told on each kind of device: its library, its settings, which card.

Tables and arithmetic; nothing here talks to a device.
"""

from collections.abc import Mapping
from datetime import timedelta
from math import ceil

from inference.errors import DeviceUnavailable

BACKENDS = {"cpu": "gloo", "cuda": "nccl", "npu": "hccl"}


def environment(device: str, timeout: timedelta) -> dict[str, str]:
    """Variables that the device's library reads; those that an operator has set come first.

    Sources: PyTorch's ProcessGroupNCCL environment variables; CANN's HCCL_EXEC_TIMEOUT.
    """
    if device == "cuda":
        # An exchange that takes too long raises where it is waited for, so that requests end with
        # what they used; by default NCCL's watchdog ends the whole process.
        return {"TORCH_NCCL_BLOCKING_WAIT": "1"}
    if device == "npu":
        seconds = str(max(1, ceil(timeout.total_seconds())))
        return {"HCCL_EXEC_TIMEOUT": seconds}  # by default half an hour
    return {}


def local_device(rank: int, given: Mapping[str, str], devices: int) -> int:
    """Which of this machine's ``devices`` a rank computes on; each process has one of its own.

    Args:
        given: the environment; a launcher's ``LOCAL_RANK`` numbers the ranks of each machine.

    Raises:
        DeviceUnavailable: there are fewer devices than processes here.
    """
    local = int(given.get("LOCAL_RANK", rank))
    if local >= devices:
        raise DeviceUnavailable(
            f"Process {local} of this machine has no device of its own; {devices} can be used. "
            "Choose a smaller --expert-parallel or --tensor-parallel, or begin the processes on "
            "several machines."
        )
    return local
