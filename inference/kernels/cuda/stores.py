"""Where rows of keys lie, as kernels are told it: in numbers, or as narrow entries in pages."""

from typing import Any

import torch

from inference.kernels.reference.deepseek_v4_seams import Store
from inference.quantization import Fp8IndexCodec, KeyCodec, Mxfp4IndexCodec

FORMS: dict[type[Any], str] = {
    KeyCodec: "key_fp8",
    Fp8IndexCodec: "index_fp8",
    Mxfp4IndexCodec: "index_mxfp4",
}


def store_of(store: Store) -> tuple[torch.Tensor, dict[str, Any]]:
    """The tensor to pass, and the constants ``LENGTH``, ``STRIDE`` and ``FORM``.

    A row p of ``"numbers"`` begins at (p / LENGTH) * STRIDE + (p % LENGTH) * width; of the other
    forms LENGTH entries are a page of STRIDE bytes.
    """
    if isinstance(store, torch.Tensor):
        groups, length, width = store.shape
        assert store.stride()[1:] == (width, 1), "rows lie apart"
        stride = store.stride(0) if groups > 1 else length * width
        return store, {"LENGTH": length, "STRIDE": stride, "FORM": "numbers"}
    form = FORMS[type(store.codec)]
    return store.storage, {"LENGTH": 64, "STRIDE": store.storage.shape[1], "FORM": form}
