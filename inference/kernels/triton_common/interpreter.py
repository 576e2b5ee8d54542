"""Triton's interpreter, put right where it computes bfloat16 otherwise than every chip.

Triton 3.8.0 and 3.2.0 multiply matrices of bfloat16 and FP8 as the integers that their bits are,
and cut float32 to bfloat16 instead of rounding it to the nearest.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


@contextmanager
def exact_bfloat16() -> Iterator[None]:
    """Needs ``TRITON_INTERPRET=1`` before Triton is imported."""
    import triton.language as tl
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

    builder: Any = InterpreterBuilder
    cast, product = builder.cast_impl, builder.create_dot

    def rounding_cast(self: Any, source: Any, target: Any) -> Any:
        if source.dtype.scalar == tl.float32 and target.scalar == tl.bfloat16:
            return TensorHandle(_rounded(source.data), tl.bfloat16)
        return cast(self, source, target)

    def dot(self: Any, a: Any, b: Any, d: Any, precision: Any, imprecise: Any) -> Any:
        found = np.matmul(_widened(a, tl), _widened(b, tl), dtype=d.data.dtype)
        return TensorHandle(found + d.data, d.dtype.scalar)

    builder.cast_impl, builder.create_dot = rounding_cast, dot
    try:
        yield
    finally:
        builder.cast_impl, builder.create_dot = cast, product


def _widened(handle: Any, tl: Any) -> Any:
    if handle.dtype.scalar == tl.float8e4nv:
        codes = torch.from_numpy(np.ascontiguousarray(handle.data)).view(torch.float8_e4m3fn)
        return codes.float().numpy()
    if handle.dtype.scalar != tl.bfloat16:
        return handle.data
    return (handle.data.astype(np.uint32) << 16).view(np.float32)


def _rounded(wide: Any) -> Any:
    """Bits of bfloat16, ties to even; a NaN stays one."""
    bits = np.ascontiguousarray(wide, dtype=np.float32).view(np.uint32)
    near = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(wide), (bits >> 16) | 0x40, near).astype(np.uint16)
