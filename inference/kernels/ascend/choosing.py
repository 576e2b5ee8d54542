"""Whether an NPU runs this package's kernels, and with what weights. Imports no Triton."""

from importlib.util import find_spec
from pathlib import Path

import torch

from inference.errors import DeviceUnavailable
from inference.kernels.interface import KernelSet
from inference.kernels.reference import ReferenceKernels
from inference.kernels.reference.packed_experts import ExpertFormat

_FORMS: dict[str, ExpertFormat] = {
    "auto": "bf16",
    "bfloat16": "bf16",
    "float32": "bf16",  # as they are computed with
    "fp8": "fp8",
    "mxfp4": "mxfp4",
    "int8": "int8",
    "int4": "int4",
}


def has_kernels() -> bool:
    """triton-ascend is installed, and not the Triton of other chips, which has the same name."""
    found = find_spec("triton")
    places = [] if found is None else found.submodule_search_locations or []
    return any((Path(place) / "backends" / "ascend").is_dir() for place in places)


def choose_ascend_kernels(device: torch.device, dtype: torch.dtype, weights: str) -> KernelSet:
    """`AscendKernels`, or plain torch with a sentence why.

    Args:
        device: a CPU only where Triton interprets (the tests).
        weights: what experts are kept as; see `registry.Weights`.
    Raises:
        DeviceUnavailable: ``weights`` needs kernels that this installation lacks.
    """
    form = _FORMS[weights]
    problem = _problem(device, dtype, form)
    if problem and form == "bf16":
        plain = ReferenceKernels()
        plain.choices = (f"All operators: plain torch (kernels.reference), because {problem}.",)
        return plain
    if problem:
        raise DeviceUnavailable(f"{weights} weights cannot be kept so here: {problem}.")
    from inference.kernels.ascend.kernel_set import AscendKernels

    return AscendKernels(form)


def _problem(device: torch.device, dtype: torch.dtype, form: ExpertFormat) -> str:
    on_npu = device.type == "npu"
    if on_npu and not has_kernels():
        return "triton-ascend is not installed (pip install sovgate[ascend])"
    if dtype == torch.bfloat16 or (dtype == torch.float32 and form == "bf16" and not on_npu):
        return ""
    return f"the kernels of NPUs compute in bfloat16, and {dtype} was asked for"
