"""Which accelerators this machine has; asks the kernel's device files, loads no library."""

from pathlib import Path

import pytest

_DEVICES = {"gpu": ("an NVIDIA GPU", "nvidia[0-9]*"), "npu": ("an Ascend NPU", "davinci[0-9]*")}


def split_by_hardware(
    items: list[pytest.Item], devices: Path = Path("/dev")
) -> tuple[list[pytest.Item], dict[str, list[pytest.Item]]]:
    """Tests that can run here, and those that cannot, by the hardware they need."""
    absent = {
        marker: description
        for marker, (description, pattern) in _DEVICES.items()
        if not any(devices.glob(pattern))
    }
    runnable: list[pytest.Item] = []
    waiting: dict[str, list[pytest.Item]] = {}
    for item in items:
        missing = next((m for m in absent if item.get_closest_marker(m)), None)
        if missing is None:
            runnable.append(item)
        else:
            waiting.setdefault(absent[missing], []).append(item)
    return runnable, waiting
