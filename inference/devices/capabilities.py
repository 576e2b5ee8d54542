"""What a device computes in hardware, said in sentences. Facts come in; nothing is asked here.

Sources: NVIDIA's CUDA C++ programming guide, table of arithmetic by compute capability; AMD's
CDNA 3 instruction set; Triton 3.8 (sm_80 and above); the Ascend C documentation of Atlas A2 and A3.
"""

from dataclasses import dataclass

from inference.kernels.cuda.choosing import OLDEST

_ADA, _BLACKWELL = (8, 9), (10, 0)
_CDNA3 = ("gfx940", "gfx941", "gfx942", "gfx950")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One device. ``total`` and ``free`` are bytes of memory that weights and cache share."""

    device: str  # cpu, cuda or npu
    name: str
    architecture: str  # e.g. AVX2, sm_90, gfx942, Ascend910B3
    total: int
    free: int
    can: tuple[str, ...]
    cannot: tuple[str, ...]


def of_cpu(
    name: str, instructions: str, total: int, free: int, *, compiled: bool, bfloat16: bool
) -> Capabilities:
    """Args: compiled: our C kernels are built; bfloat16: oneDNN multiplies it with instructions."""
    can = ["float32 and bfloat16 weights"]
    cannot = [
        "FP8 and MXFP4 checkpoints are widened when they are loaded, and --weights keeps neither."
    ]
    if compiled:
        can.append("int8 and int4 weights, whole steps in C")
    else:
        cannot.append(
            "Int8 and int4 weights need the C kernels, which were not built: install a C compiler "
            "and run `make setup`."
        )
    if not bfloat16:
        cannot.append("There are no bfloat16 instructions: such weights are computed as float32.")
    return Capabilities("cpu", name, instructions, total, free, tuple(can), tuple(cannot))


def of_cuda(name: str, version: tuple[int, int], total: int, free: int) -> Capabilities:
    """Args: version: the compute capability, e.g. (9, 0)."""
    architecture = f"sm_{version[0]}{version[1]}"
    if version < OLDEST:
        return Capabilities(
            "cuda", name, architecture, total, free,
            ("float32 and float16 weights, in plain torch",),
            ("Our kernels and bfloat16 need compute capability 8.0 (A100) or newer.",),
        )  # fmt: skip
    can, cannot = ["bfloat16 weights on tensor cores", "our Triton kernels"], []
    if version >= _ADA:
        can.append("FP8 weights and activations on tensor cores")
    else:
        cannot.append("There are no FP8 tensor cores: FP8 weights are widened in the kernel.")
    if version < _BLACKWELL:
        cannot.append("There are no FP4 tensor cores: MXFP4 weights are widened in the kernel.")
    else:
        cannot.append("FP4 tensor cores are not used: MXFP4 weights are widened in the kernel.")
    return Capabilities("cuda", name, architecture, total, free, tuple(can), tuple(cannot))


def of_rocm(name: str, architecture: str, total: int, free: int) -> Capabilities:
    """Args: architecture: e.g. ``gfx942``, which may carry features after a colon."""
    family = architecture.partition(":")[0]
    can, cannot = ["bfloat16 weights on matrix cores"], []
    if family in _CDNA3:
        can.append("our Triton kernels")
    else:
        cannot.append(f"Our kernels were compiled and tuned for gfx942 only, not for {family}.")
    cannot.append("FP8 and MXFP4 weights are widened in the kernel.")
    return Capabilities("cuda", name, family, total, free, tuple(can), tuple(cannot))


def of_npu(name: str, total: int, free: int, *, kernels: bool) -> Capabilities:
    """Args: kernels: triton-ascend is installed."""
    can, cannot = ["bfloat16 weights"], []
    if kernels:
        can.append("our triton-ascend kernels; experts in FP8, MXFP4, int8 and int4, widened")
        cannot.append("No kernel of ours was ever run on an NPU by us (docs/kernels.md).")
    else:
        cannot.append(
            "Our kernels, and experts in few bits, need triton-ascend: pip install sovgate[ascend]."
        )
    cannot.append(
        "There is no FP8 or FP4 arithmetic on A2 and A3: such weights, and keys of such a cache, "
        "are widened in the kernel."
    )
    return Capabilities("npu", name, name, total, free, tuple(can), tuple(cannot))
