"""Plain torch operators: the truth that every faster kernel is tested against."""

from inference.kernels.reference.attention import paged_attention
from inference.kernels.reference.moe import ReferenceExperts, silu_mul
from inference.kernels.reference.operators import ReferenceKernels, rms_norm, rotate

__all__ = [
    "ReferenceExperts",
    "ReferenceKernels",
    "paged_attention",
    "rms_norm",
    "rotate",
    "silu_mul",
]
