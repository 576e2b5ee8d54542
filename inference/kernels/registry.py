"""Chooses kernels by device and capability, and says what it chose."""

from importlib.util import find_spec
from typing import Literal, get_args

import torch

from inference.errors import DeviceUnavailable
from inference.kernels.cpu import NativeKernels, PackedKernels, can_pack, native_backends
from inference.kernels.cpu.native_kernels import Format
from inference.kernels.interface import KernelSet
from inference.kernels.reference import ReferenceKernels

Preference = Literal["auto", "native", "packed", "triton", "ascend", "reference"]
Weights = Literal["auto", "float32", "bfloat16", "int8", "int4", "fp8", "mxfp4"]
WEIGHTS: tuple[Weights, ...] = get_args(Weights)
# Of so many small operators that torch mostly waits for itself: 20 times as slow (docs/engine.md).
_STEPS_IN_C = ("deepseek_v4",)
_WIDENED = (
    "Weights stay bfloat16 in C rather than in torch, because this processor does not multiply "
    "bfloat16 itself."
)


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
    except ImportError as error:
        found = find_spec("torch_npu") is not None
        why = (
            f"does not load ({error}); is CANN's environment set?" if found else "is not installed"
        )
        raise DeviceUnavailable(
            f"No Ascend NPU is usable here: torch-npu {why} (pip install sovgate[ascend])."
        ) from None
    if not torch.npu.is_available():  # pyright: ignore  (torch-npu adds it)
        raise DeviceUnavailable(
            "No Ascend NPU is usable here: torch-npu finds none; check the driver, `npu-smi info` "
            "and that CANN's environment is set."
        )
    return torch.device("npu")


def choose_kernels(
    device: torch.device,
    dtype: torch.dtype,
    preference: Preference = "auto",
    weights: Weights = "auto",
    *,
    model: str = "",
    shared: bool = False,
) -> KernelSet:
    """The fastest set that runs ``dtype`` on ``device``, or what is asked for.

    Args:
        model: its kind, as its config says.
        shared: several processes compute each step.

    Raises:
        DeviceUnavailable: nothing here keeps the weights so.
    """
    if preference == "triton" or (preference == "auto" and device.type == "cuda"):
        # Here alone, so that no other device's worker reads a line of it.
        from inference.kernels.cuda.choosing import choose_cuda_kernels

        return choose_cuda_kernels(device, dtype, weights)
    if preference == "ascend" or (preference == "auto" and device.type == "npu"):
        from inference.kernels.ascend.choosing import choose_ascend_kernels

        return choose_ascend_kernels(device, dtype, weights)
    if weights in ("fp8", "mxfp4"):
        raise DeviceUnavailable(
            f"{weights} weights are kept so by an accelerator's kernels only (--device cuda, npu); "
            "leave out --weights, and they are widened when they are loaded."
        )
    here = native_backends() if device.type == "cpu" else []
    narrow = weights in ("int8", "int4")
    if narrow and (not here or preference not in ("auto", "native")):
        raise DeviceUnavailable(
            f"{weights} weights need the CPU's C kernels (kernels.cpu._native), which were not "
            "built or not asked for; install a C compiler and run `make setup`, or leave out "
            "--weights."
        )
    whole = model in _STEPS_IN_C and dtype in (torch.float32, torch.bfloat16)
    # torch would widen each bfloat16 weight at each use; C does so in registers.
    widened = dtype == torch.bfloat16 and not can_pack(dtype) and here[:1] != ["plain"]
    in_c = bool(here) and (whole or widened or weights != "auto")
    if preference == "native" or (preference == "auto" and in_c):
        as_computed: Format = "float32" if dtype == torch.float32 else "bfloat16"
        kind: Format = as_computed if weights == "auto" else weights
        chosen = NativeKernels(here[0], kind, torch.get_num_threads(), shared=shared)
        if widened and weights == "auto":
            chosen.choices = (*chosen.choices, _WIDENED)
        return chosen
    if preference != "reference" and device.type == "cpu" and can_pack(dtype):
        return PackedKernels(dtype)
    return ReferenceKernels()
