# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
"""Where rows of keys lie, as kernels are told it: in numbers, or as codes in pages."""

from typing import Any

import torch
import triton
import triton.language as tl

from inference.kernels.reference.deepseek_v4_seams import Store
from inference.quantization import Fp8IndexCodec, KeyCodec, Mxfp4IndexCodec

_FORMS = {KeyCodec: "fp8", Fp8IndexCodec: "index_fp8", Mxfp4IndexCodec: "index_mxfp4"}


def form_of(store: Store) -> str:
    """FORM of the rows: ``"numbers"``, ``"fp8"``, ``"index_fp8"`` or ``"index_mxfp4"``."""
    return "numbers" if isinstance(store, torch.Tensor) else _FORMS[type(store.codec)]


def runs_here(store: Store) -> bool:
    """Whether these kernels write and score such rows: an MXFP4 key's scales are to be one word."""
    if isinstance(store, torch.Tensor) or not isinstance(store.codec, Mxfp4IndexCodec):
        return True
    return store.codec.width == 128


def store_of(store: Store) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
    """The tensor to pass, it as another type, and the constants LENGTH, STRIDE and FORM.

    A pointer's type is not changed in a kernel, and FP8 entries hold bfloat16 too, the indexer's
    keys float32.
    """
    form = form_of(store)
    if isinstance(store, torch.Tensor):
        groups, length, width = store.shape
        assert store.stride()[1:] == (width, 1), "rows lie apart"
        stride = store.stride(0) if groups > 1 else length * width
        return store, store, {"LENGTH": length, "STRIDE": stride, "FORM": form}
    layout = {"LENGTH": 64, "STRIDE": store.storage.shape[1], "FORM": form}
    other = torch.bfloat16 if form == "fp8" else torch.float32
    return store.storage, store.storage.view(other), layout


@triton.jit
def row_at(store, place, LENGTH: tl.constexpr, STRIDE: tl.constexpr, WIDTH: tl.constexpr):
    """Pointer to the row ``place`` (int64) of numbers."""
    return store + (place // LENGTH) * STRIDE + (place % LENGTH) * WIDTH
