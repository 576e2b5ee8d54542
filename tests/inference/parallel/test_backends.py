"""What torch.distributed is told on accelerators, as far as it can be said without one."""

from datetime import timedelta
from pathlib import Path

import pytest
from torch.distributed import (
    Backend,
    TCPStore,  # pyright: ignore[reportPrivateImportUsage]
)

from inference.errors import DeviceUnavailable
from inference.kernels.registry import resolve_device
from inference.parallel import Layout, Plan
from inference.parallel.backends import BACKENDS, environment, local_device
from inference.parallel.groups import join_world

MINUTE = timedelta(minutes=1)


def test_each_device_has_its_library() -> None:
    assert BACKENDS == {"cpu": "gloo", "cuda": "nccl", "npu": "hccl"}
    for device in ("cpu", "cuda"):  # torch-npu registers its own
        assert Backend.default_device_backend_map[device] == BACKENDS[device]


def test_an_exchange_that_takes_too_long_raises() -> None:
    assert environment("cpu", MINUTE) == {}
    assert environment("cuda", MINUTE) == {"TORCH_NCCL_BLOCKING_WAIT": "1"}
    assert environment("npu", MINUTE) == {"HCCL_EXEC_TIMEOUT": "60"}
    assert environment("npu", timedelta(seconds=1.2)) == {"HCCL_EXEC_TIMEOUT": "2"}


def test_each_process_has_a_device_of_its_own() -> None:
    assert [local_device(rank, {}, 4) for rank in range(4)] == [0, 1, 2, 3]
    assert local_device(11, {"LOCAL_RANK": "3"}, 4) == 3  # the third machine of a launcher
    with pytest.raises(DeviceUnavailable, match="no device of its own; 4 can be used"):
        local_device(4, {}, 4)


def test_what_processes_are_told_survives_the_way() -> None:
    plan = Plan(
        Path("/models/flash"),
        Layout(2, 4),
        "cuda",
        "bfloat16",
        weights="fp8",
        kv_dtype="fp8",
        timeout=timedelta(seconds=2.5),
        expert_loads=Path("/models/loads.json"),
        redundant_experts=8,
        rebalance_steps=3000,
    )
    assert Plan.from_json(plan.to_json()) == plan


def missing() -> list[str]:
    """Devices that are not here, and one that is nowhere."""
    found = ["abacus"]
    for device in ("cuda", "npu"):
        try:
            resolve_device(device)
        except DeviceUnavailable:
            found.append(device)
    return found


@pytest.mark.parametrize("device", missing())
def test_a_device_that_is_missing_is_said_before_anybody_waits(device: str) -> None:
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    with pytest.raises(DeviceUnavailable):
        join_world(1, 2, device, store, MINUTE)
