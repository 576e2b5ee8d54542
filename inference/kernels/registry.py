"""Chooses kernels by device and capability, and says what it chose."""

from typing import Literal

import torch

from inference.errors import DeviceUnavailable
from inference.kernels.cpu import PackedKernels, can_pack
from inference.kernels.interface import KernelSet
from inference.kernels.reference import ReferenceKernels

Preference = Literal["auto", "reference"]


def resolve_device(name: str) -> torch.device:
    """``cpu``, ``cuda`` or ``npu`` as a torch device.

    Raises:
        DeviceUnavailable: this machine or this build of torch has no such device.
    """
    if name == "cpu":
        return torch.device("cpu")
    if name == "cuda":
        if not torch.cuda.is_available():
            raise DeviceUnavailable(
                "No CUDA device is usable here; check the driver and that torch is a CUDA build, "
                "or start with --device cpu."
            )
        return torch.device("cuda")
    if name == "npu":
        return _npu()
    raise DeviceUnavailable(f"{name!r} is no device; choose cpu, cuda or npu.")


def _npu() -> torch.device:
    try:
        import torch_npu  # noqa: F401  # pyright: ignore  (registers the device; only when asked)
    except ImportError:
        raise DeviceUnavailable(
            "No Ascend NPU is usable here: torch-npu is not installed beside this torch."
        ) from None
    return torch.device("npu")


def choose_kernels(
    device: torch.device, dtype: torch.dtype, preference: Preference = "auto"
) -> KernelSet:
    """The fastest set that runs ``dtype`` on ``device``, or the reference where asked."""
    if preference == "auto" and device.type == "cpu" and can_pack(dtype):
        return PackedKernels(dtype)
    return ReferenceKernels()
