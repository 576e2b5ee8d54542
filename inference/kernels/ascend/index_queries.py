# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""The indexer's queries as narrow keys want them: turned, by Hadamard's matrix too, and rounded.

They stay bfloat16, which holds the rounded numbers, since the cube multiplies nothing narrower. For
MXFP4 keys, two of which lie in a byte, channels of even numbers come first, then the odd ones.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.codes import decode_e4m3, encode_e4m3, scale_above, scale_value
from inference.kernels.ascend.cores import grid
from inference.kernels.ascend.index_codes import (
    GROUP,
    decode_e2m1,
    encode_e2m1,
    hadamard,
    scale_above_e2m1,
    sizes,
)
from inference.kernels.ascend.rotary import turn_pairs
from inference.kernels.reference.deepseek_v4_seams import turn_index_queries
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of
from inference.quantization import Fp8IndexCodec, Mxfp4IndexCodec, PagedEntries
from inference.quantization import hadamard as turn

_TILE = 2048  # numbers


@jit(varying=("tokens",))
def queries_kernel(
    queries,  # [T, HEADS, WIDTH] as projected
    cos,  # [T, ROPE / 2] float32
    sin,
    rounded,  # [T, HEADS, WIDTH] bfloat16
    tokens,
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    ROPE: tl.constexpr,
    FORM: tl.constexpr,
    BLOCK_H: tl.constexpr,
):
    PARTS: tl.constexpr = triton.cdiv(HEADS, BLOCK_H)
    HALF: tl.constexpr = WIDTH // 2
    head, columns, pair = tl.arange(0, BLOCK_H), tl.arange(0, WIDTH), tl.arange(0, HALF)
    for task in range(tl.program_id(0), tokens * PARTS, tl.num_programs(0)):
        token, part = tl.cast(task // PARTS, tl.int64), task % PARTS
        known = (part * BLOCK_H + head < HEADS)[:, None]
        first = (token * HEADS + part * BLOCK_H) * WIDTH
        at = head[:, None] * WIDTH + columns[None, :]
        x = tl.load(queries + first + at, mask=known, other=0.0)
        angle = token * (ROPE // 2) - (WIDTH - ROPE) // 2 + pair
        c = tl.load(cos + angle, mask=pair >= (WIDTH - ROPE) // 2, other=1.0)
        s = tl.load(sin + angle, mask=pair >= (WIDTH - ROPE) // 2, other=0.0)
        row = turn_pairs(x.to(tl.float32), c, s, BLOCK_H, WIDTH)
        row = hadamard(row.to(x.dtype).to(tl.float32), WIDTH)
        if FORM == "index_fp8":
            scale = scale_value(scale_above(tl.max(sizes(row), axis=1)))[:, None]
            row = decode_e4m3(encode_e4m3(row / scale)) * scale
            tl.store(rounded + first + at, row.to(tl.bfloat16), mask=known)
        else:
            GROUPS: tl.constexpr = BLOCK_H * WIDTH // GROUP
            grouped = tl.reshape(row, (GROUPS, GROUP))
            scale = scale_value(scale_above_e2m1(tl.max(sizes(grouped), axis=1)))[:, None]
            grouped = decode_e2m1(encode_e2m1(grouped / scale)) * scale
            even, odd = tl.split(tl.reshape(grouped, (BLOCK_H, HALF, 2)))
            to = rounded + first + head[:, None] * WIDTH + pair[None, :]
            tl.store(to, even.to(tl.bfloat16), mask=known)
            tl.store(to + HALF, odd.to(tl.bfloat16), mask=known)


def round_queries(
    queries: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, form: str
) -> torch.Tensor:
    """[T, H, width] bfloat16 of queries as projected, contiguous; width a power of two.

    Args:
        form: ``"index_fp8"`` or ``"index_mxfp4"``, whose channels come even ones first.
    """
    tokens, heads, width = queries.shape
    rounded = queries.new_empty(queries.shape, dtype=torch.bfloat16)
    block = min(triton.next_power_of_2(heads), max(1, _TILE // width))
    if tokens:
        queries_kernel[grid(tokens * triton.cdiv(heads, block), queries.device, "vector")](
            queries, cos, sin, rounded, tokens, HEADS=heads, WIDTH=width, ROPE=2 * cos.shape[-1],
            FORM=form, BLOCK_H=block,
        )  # fmt: skip
    return rounded


def _run(store: PagedEntries, form: str, **arguments: torch.Tensor) -> torch.Tensor:
    """What the rounded queries stand for, in the order of channels and turned back."""
    found = round_queries(form=form, **arguments).float()
    if form == "index_mxfp4":
        found = found.unflatten(-1, (2, -1)).transpose(-1, -2).flatten(-2)
    return turn(found)


def _reference(store: PagedEntries, form: str, **arguments: torch.Tensor) -> torch.Tensor:
    return turn_index_queries(store=store, **arguments).float()


def _case(device: torch.device, *, tokens: int, form: str) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    queries = torch.randn(tokens, 64, 128, device=device, generator=generator).bfloat16()
    queries[0, 0] = 0.0
    angles = torch.randn(tokens, 32, device=device, generator=generator)
    store = PagedEntries(1, CODECS[form](128), device, torch.float32)
    return Case(
        {
            "queries": queries, "cos": angles.cos(), "sin": angles.sin(), "store": store,
            "form": form,
        },
        2 * bytes_of(queries) + 2 * bytes_of(angles),
        operations=tokens * 64 * (3 * 64 + 128 * 9),
    )  # fmt: skip


def _compilation(form: str) -> Compilation:
    return Compilation(
        queries_kernel,
        {
            **dict.fromkeys(("queries", "rounded"), "*bf16"),
            **dict.fromkeys(("cos", "sin"), "*fp32"),
            "tokens": "i32",
        },
        {"HEADS": 64, "WIDTH": 128, "ROPE": 64, "FORM": form, "BLOCK_H": _TILE // 128},
    )


CODECS = {"index_fp8": Fp8IndexCodec, "index_mxfp4": Mxfp4IndexCodec}
KERNELS = tuple(
    KernelSpec(
        name=f"index_queries_{name}",
        does=f"the indexer's queries turned and rounded to {what}",
        run=_run,
        reference=_reference,
        case=_case,
        shapes={"counted": {"tokens": 2, "form": form}},
        compilations=[_compilation(form)],
        tolerance=tolerance,  # where a number lies between two codes, its last bit decides
    )
    for name, form, what, tolerance in (
        ("fp8", "index_fp8", "FP8", 0.05),
        ("mxfp4", "index_mxfp4", "MXFP4", 0.2),
    )
)
