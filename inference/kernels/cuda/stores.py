"""Where rows of keys lie, as kernels are told it: in numbers, or as FP8 entries in pages."""

from typing import Any

import torch

from inference.kernels.reference.deepseek_v4_seams import Store


def store_of(store: Store) -> tuple[torch.Tensor, dict[str, Any]]:
    """The tensor to pass, and the constants ``LENGTH``, ``STRIDE`` and ``PACKED`` of `row_of`."""
    if isinstance(store, torch.Tensor):
        groups, length, width = store.shape
        assert store.stride()[1:] == (width, 1), "rows lie apart"
        stride = store.stride(0) if groups > 1 else length * width
        return store, {"LENGTH": length, "STRIDE": stride, "PACKED": False}
    return store.storage, {"LENGTH": 64, "STRIDE": store.storage.shape[1], "PACKED": True}
