"""Asks this machine what a device of it is. Loads no model."""

import os
from pathlib import Path

import torch

from inference.devices.capabilities import Capabilities, of_cpu, of_cuda, of_npu, of_rocm
from inference.kernels.ascend.choosing import has_kernels
from inference.kernels.cpu import native_backends
from inference.kernels.registry import resolve_device


def examine(name: str) -> Capabilities:
    """What ``cpu``, ``cuda`` or ``npu`` is here.

    Raises:
        DeviceUnavailable: this machine or this build of torch has no such device.
    """
    device = resolve_device(name)
    if device.type == "cpu":
        return _cpu()
    if device.type == "cuda":
        return _cuda(device)
    free, total = torch.npu.mem_get_info()  # pyright: ignore  (torch-npu adds it)
    name = str(torch.npu.get_device_name())  # pyright: ignore
    return of_npu(name, total, free, kernels=has_kernels())


def _cpu() -> Capabilities:
    memory = _memory()
    total, free = memory["MemTotal"], memory["MemAvailable"]
    limit = _limit_of_container()
    if limit is not None:
        total, free = min(total, limit[0]), min(free, limit[1])
    return of_cpu(
        f"{_processor()}, {len(os.sched_getaffinity(0))} processors",
        torch.backends.cpu.get_cpu_capability(),
        total,
        free,
        compiled=bool(native_backends()),
        bfloat16=torch.ops.mkldnn._is_mkldnn_bf16_supported(),
    )


def _cuda(device: torch.device) -> Capabilities:
    found = torch.cuda.get_device_properties(device)
    free, total = torch.cuda.mem_get_info(device)
    if torch.version.hip:
        return of_rocm(found.name, found.gcnArchName, total, free)
    return of_cuda(found.name, (found.major, found.minor), total, free)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return os.uname().machine


def _memory() -> dict[str, int]:
    """Bytes by the names of /proc/meminfo."""
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    fields = (line.split() for line in lines)
    return {name.rstrip(":"): int(kib) << 10 for name, kib, *_ in fields}


def _limit_of_container() -> tuple[int, int] | None:
    """(limit, what is left of it) of the control group, where there is one."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text(encoding="utf-8"))
        used = int((group / "memory.current").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no control groups of the second kind, or "max"
        return None
    return limit, max(0, limit - used)
