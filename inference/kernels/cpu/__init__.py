"""Operators for x86 and ARM processors: C where it was built, else oneDNN with packed weights."""

from inference.kernels.cpu.native_kernels import NativeKernels, native_backends
from inference.kernels.cpu.packed import NarrowExperts, PackedKernels, WideExperts, can_pack

__all__ = [
    "NarrowExperts",
    "NativeKernels",
    "PackedKernels",
    "WideExperts",
    "can_pack",
    "native_backends",
]
