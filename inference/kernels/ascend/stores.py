# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
"""Where rows of keys lie, as kernels are told it: in numbers, or as FP8 entries in pages."""

from typing import Any

import torch
import triton
import triton.language as tl

from inference.kernels.reference.deepseek_v4_seams import Store


def store_of(store: Store) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
    """The tensor to pass, it as bfloat16, and the constants LENGTH, STRIDE and PACKED.

    FP8 entries hold bfloat16 too, and a pointer's type is not changed in a kernel.
    """
    if isinstance(store, torch.Tensor):
        groups, length, width = store.shape
        assert store.stride()[1:] == (width, 1), "rows lie apart"
        stride = store.stride(0) if groups > 1 else length * width
        return store, store, {"LENGTH": length, "STRIDE": stride, "PACKED": False}
    layout = {"LENGTH": 64, "STRIDE": store.storage.shape[1], "PACKED": True}
    return store.storage, store.storage.view(torch.bfloat16), layout


@triton.jit
def row_at(store, place, LENGTH: tl.constexpr, STRIDE: tl.constexpr, WIDTH: tl.constexpr):
    """Pointer to the row ``place`` (int64) of numbers."""
    return store + (place // LENGTH) * STRIDE + (place % LENGTH) * WIDTH
