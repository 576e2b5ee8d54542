# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none, reportAttributeAccessIssue=none
"""Rows before and after the experts: to FP8 with a scale for 128 numbers, and their sum."""

from typing import Any

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.device import encode_e4m3, scale_above, scale_value
from inference.kernels.cuda.tuning import architecture_of, configuration
from inference.kernels.reference import packed_experts as reference
from inference.kernels.reference.packed_experts import ACTIVATION_GROUP, QuantisedRows
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of


@jit
def _quantise(
    rows,  # [T, D]
    codes,  # uint8 [T, D]
    scales,  # uint8 [T, groups]
    width,
    groups,
    GROUPS: tl.constexpr,
    SIZE: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    group = tl.program_id(1) * GROUPS + tl.arange(0, GROUPS)
    column = group[:, None] * SIZE + tl.arange(0, SIZE)[None, :]
    numbers = tl.load(rows + row * width + column, mask=column < width, other=0.0).to(tl.float32)
    # A row that is no number stays none, and its scale a power of two.
    size = tl.where(numbers == numbers, tl.abs(numbers), 0.0)
    byte = scale_above(tl.minimum(tl.max(size, axis=1), 3.4028234663852886e38))
    code = encode_e4m3(numbers / scale_value(byte)[:, None])
    tl.store(codes + row * width + column, code, mask=column < width)
    tl.store(scales + row * groups + group, byte.to(tl.uint8), mask=group < groups)


def quantise_rows(rows: torch.Tensor) -> QuantisedRows:
    """See `kernels.reference.packed_experts`."""
    count, width = rows.shape
    groups = triton.cdiv(width, ACTIVATION_GROUP)
    codes = torch.empty(count, width, dtype=torch.uint8, device=rows.device)
    scales = torch.empty(count, groups, dtype=torch.uint8, device=rows.device)
    chosen = configuration("quantise_rows", architecture_of(rows.device), count)
    _quantise[(count, triton.cdiv(groups, chosen["GROUPS"]))](
        rows, codes, scales, width, groups, SIZE=ACTIVATION_GROUP, **chosen
    )
    return QuantisedRows(codes, scales)


@jit
def _combine(
    outputs,  # [T, K, D]
    chosen,  # [T, K]
    shared,  # [T, D]
    out,  # [T, D]
    width,
    K: tl.constexpr,
    HAS_SHARED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < width
    total = tl.zeros((BLOCK,), tl.float32)
    for k in tl.static_range(K):
        runs = tl.load(chosen + row * K + k) >= 0
        place = outputs + (row * K + k) * width + column
        total += tl.load(place, mask=inside & runs, other=0.0).to(tl.float32)
    if HAS_SHARED:
        total += tl.load(shared + row * width + column, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + row * width + column, total.to(out.dtype.element_ty), mask=inside)


def combine(
    outputs: torch.Tensor, chosen: torch.Tensor, shared: torch.Tensor | None
) -> torch.Tensor:
    """See `kernels.reference.packed_experts`; all contiguous."""
    rows, top_k, width = outputs.shape
    out = torch.empty(rows, width, dtype=outputs.dtype, device=outputs.device)
    options = configuration("combine", architecture_of(outputs.device), rows)
    _combine[(rows, triton.cdiv(width, options["BLOCK"]))](
        outputs, chosen, shared, out, width, K=top_k, HAS_SHARED=shared is not None, **options
    )
    return out


def _quantise_case(device: torch.device, *, rows: int, width: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    given = torch.randn(rows, width, device=device, generator=generator).bfloat16()
    written = rows * (width + triton.cdiv(width, ACTIVATION_GROUP))
    return Case({"rows": given}, floor_bytes=bytes_of(given) + written)


def _combine_case(device: torch.device, *, rows: int, width: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    outputs = torch.randn(rows, 6, width, device=device, generator=generator).bfloat16()
    shared = torch.randn(rows, width, device=device, generator=generator).bfloat16()
    chosen = torch.ones(rows, 6, dtype=torch.int32, device=device)
    return Case(
        {"outputs": outputs, "chosen": chosen, "shared": shared},
        floor_bytes=bytes_of(outputs, shared, shared, chosen),
        operations=7 * rows * width,
    )


_SHAPES = {
    "counted": {"rows": 2, "width": 4096},
    "decode": {"rows": 16, "width": 4096},
    "prefill": {"rows": 4096, "width": 4096},
}
_COMBINED: dict[str, Any] = {"outputs": "*bf16", "chosen": "*i32", "shared": "*bf16"}

KERNELS = (
    KernelSpec(
        name="quantise_rows",
        does="activations to FP8, a power of two for 128 numbers",
        run=quantise_rows,
        reference=reference.quantise_rows,
        case=_quantise_case,
        shapes=_SHAPES,
        compilations=[
            Compilation(
                _quantise,
                {"rows": "*bf16", "codes": "*u8", "scales": "*u8", "width": "i32", "groups": "i32"},
                {"SIZE": ACTIVATION_GROUP},
                divisible=("width",),
                tuned="quantise_rows",
            )
        ],
    ),
    KernelSpec(
        name="combine",
        does="sum over each row's experts, shared ones too",
        run=combine,
        reference=reference.combine,
        case=_combine_case,
        shapes=_SHAPES,
        compilations=[
            Compilation(
                _combine,
                {**_COMBINED, "out": "*bf16", "width": "i32"},
                {"K": 6, "HAS_SHARED": True},
                divisible=("width",),
                tuned="combine",
            )
        ],
        tolerance=0.01,
    ),
)
