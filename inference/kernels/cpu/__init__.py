"""Operators for x86 and ARM processors: oneDNN with weights packed once at load."""

from inference.kernels.cpu.packed import NarrowExperts, PackedKernels, WideExperts, can_pack

__all__ = ["NarrowExperts", "PackedKernels", "WideExperts", "can_pack"]
