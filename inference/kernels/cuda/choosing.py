"""Whether an accelerator runs this package's kernels, and with what weights. Imports no Triton."""

from importlib.util import find_spec

import torch

from inference.errors import DeviceUnavailable
from inference.kernels.cuda.tuning import architecture_of
from inference.kernels.interface import KernelSet
from inference.kernels.reference import ReferenceKernels
from inference.kernels.reference.packed_experts import ExpertFormat

OLDEST = (8, 0)  # bfloat16 on tensor cores, and what Triton supports
_FORMS: dict[str, ExpertFormat] = {
    "auto": "bf16",
    "bfloat16": "bf16",
    "float32": "bf16",  # as they are computed with
    "fp8": "fp8",
    "mxfp4": "mxfp4",
    "int8": "int8",
    "int4": "int4",
}


def choose_cuda_kernels(device: torch.device, dtype: torch.dtype, weights: str) -> KernelSet:
    """`CudaKernels`, or plain torch with a sentence why.

    Args:
        device: a CPU only where Triton interprets (the tests).
        weights: what experts are kept as; see `registry.Weights`.
    Raises:
        DeviceUnavailable: ``weights`` needs kernels that this device or installation lacks.
    """
    form = _FORMS[weights]
    problem = _missing(device) or _unfit(dtype, form)
    if problem and form == "bf16":
        plain = ReferenceKernels()
        plain.choices = (f"All operators: plain torch (kernels.reference), because {problem}.",)
        return plain
    if problem:
        raise DeviceUnavailable(f"{weights} weights cannot be kept so here: {problem}.")
    from inference.kernels.cuda.kernel_set import CudaKernels

    return CudaKernels(form, architecture_of(device))


def _missing(device: torch.device) -> str:
    if find_spec("triton") is None:
        return "Triton is not installed (pip install sovgate[cuda])"
    if device.type == "cpu" or torch.version.hip:
        return ""
    found = torch.cuda.get_device_capability(device)
    if found < OLDEST:
        return f"its compute capability is {found[0]}.{found[1]}, and ours need 8.0 (A100) or newer"
    return ""


def _unfit(dtype: torch.dtype, form: ExpertFormat) -> str:
    if dtype == torch.bfloat16 or (dtype == torch.float32 and form == "bf16"):
        return ""
    return f"the kernels of {form} weights compute in bfloat16, and {dtype} was asked for"
