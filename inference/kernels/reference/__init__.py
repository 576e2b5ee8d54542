"""Plain torch operators: the truth that every faster kernel is tested against."""

from inference.kernels.reference.attention import paged_attention
from inference.kernels.reference.moe import ReferenceExperts
from inference.kernels.reference.operators import ReferenceKernels, rms_norm, rotate, silu_mul

__all__ = [
    "ReferenceExperts",
    "ReferenceKernels",
    "paged_attention",
    "rms_norm",
    "rotate",
    "silu_mul",
]
