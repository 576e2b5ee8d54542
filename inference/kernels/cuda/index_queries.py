# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none
"""The indexer's queries as narrow keys want them: turned, by Hadamard's matrix too, and rounded.

Once for each token, where `index_scores` has many programs a token. An FP8 query's scale goes into
the weight of its head; an MXFP4 query's scales stand behind its codes.
"""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.device import scale_value, turn_pairs
from inference.kernels.cuda.index_codes import GROUP, hadamard, rounded_e2m1, rounded_e4m3
from inference.kernels.reference.deepseek_v4_seams import turn_index_queries
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of
from inference.quantization import Fp8IndexCodec, Mxfp4IndexCodec, PagedEntries

_HEADS, _WARPS = 16, 4


@triton.jit
def queries_kernel(
    queries,  # [T, HEADS, WIDTH] as projected
    weights,  # [T, HEADS] as projected
    cos,  # [T, ROPE / 2] float32
    sin,
    rounded,  # uint8 [T, HEADS, WIDTH], or [T, HEADS, WIDTH / 2 + WIDTH / 32]
    weighed,  # [T, HEADS] float32
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    ROPE: tl.constexpr,
    FORM: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    token = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * BLOCK_H + tl.arange(0, BLOCK_H)
    columns = tl.arange(0, BLOCK_D)
    inside = (columns < WIDTH)[None, :]
    known = (head < HEADS)[:, None] & inside
    at = (token * HEADS + head)[:, None] * WIDTH + columns[None, :]
    x = tl.load(queries + at, mask=known, other=0.0)
    angles = token * (ROPE // 2)
    turned = turn_pairs(x.to(tl.float32), cos + angles, sin + angles, WIDTH, ROPE, BLOCK_D, False)
    row = hadamard(turned.to(x.dtype).to(tl.float32), WIDTH, BLOCK_D)
    weight = tl.load(weights + token * HEADS + head, mask=head < HEADS, other=0.0).to(tl.float32)
    if FORM == "index_fp8":
        codes, byte = rounded_e4m3(row, inside)
        weight *= scale_value(byte)
        tl.store(rounded + at, codes, mask=known)
    else:
        codes, byte = rounded_e2m1(row, inside, BLOCK_D)
        low, high = tl.split(tl.reshape(codes, (BLOCK_H, BLOCK_D // 2, 2)))
        pair, group = tl.arange(0, BLOCK_D // 2), tl.arange(0, BLOCK_D // GROUP)
        GROUPS: tl.constexpr = triton.cdiv(WIDTH, GROUP)
        to = rounded + ((token * HEADS + head) * (WIDTH // 2 + GROUPS))[:, None]
        both = (low | (high << 4)).to(tl.uint8)
        here = (head < HEADS)[:, None]
        tl.store(to + pair[None, :], both, mask=here & (pair < WIDTH // 2)[None, :])
        scales = to + WIDTH // 2 + group[None, :]
        tl.store(scales, byte.to(tl.uint8), mask=here & (group < GROUPS)[None, :])
    tl.store(weighed + token * HEADS + head, weight, mask=head < HEADS)


@dataclass(frozen=True, slots=True)
class NarrowQueries:
    """What `index_scores` multiplies narrow keys with."""

    codes: torch.Tensor  # uint8 [T, H, width], or [T, H, width / 2 + ceil(width / 32)]
    weights: torch.Tensor  # [T, H] float32, times the scales of codes


def narrow_queries(
    queries: torch.Tensor,
    weights: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    form: str,
) -> NarrowQueries:
    """Queries [T, H, width] and weights [T, H] as projected; all contiguous.

    Args:
        form: ``"index_fp8"`` or ``"index_mxfp4"``.
    """
    tokens, heads, width = queries.shape
    size = width if form == "index_fp8" else width // 2 + triton.cdiv(width, 32)
    codes = queries.new_empty(tokens, heads, size, dtype=torch.uint8)
    weighed = weights.new_empty(weights.shape, dtype=torch.float32)
    if tokens:
        queries_kernel[(tokens, triton.cdiv(heads, _HEADS))](
            queries,
            weights,
            cos,
            sin,
            codes,
            weighed,
            HEADS=heads,
            WIDTH=width,
            ROPE=2 * cos.shape[-1],
            FORM=form,
            BLOCK_H=_HEADS,
            BLOCK_D=max(32, triton.next_power_of_2(width)),
            num_warps=_WARPS,
        )
    return NarrowQueries(codes, weighed)


def _run(store: PagedEntries, form: str, **arguments: torch.Tensor) -> torch.Tensor:
    """The numbers that the rounded queries stand for, turned back: [T, H, width] float32."""
    found, width = narrow_queries(form=form, **arguments), arguments["queries"].shape[-1]
    if form == "index_mxfp4":
        data, scales = found.codes[..., : width // 2], found.codes[..., width // 2 :]
        return store.codec.decode(data, scales)
    scales = (found.weights / arguments["weights"].float())[..., None]
    return store.codec.decode(found.codes, scales.view(torch.uint8))


def _reference(
    store: PagedEntries,
    form: str,
    queries: torch.Tensor,
    weights: torch.Tensor,
    **angles: torch.Tensor,
) -> torch.Tensor:
    return turn_index_queries(queries, store=store, **angles).float()


def _case(device: torch.device, *, tokens: int, form: str) -> Case:
    generator = torch.Generator(device).manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    queries, weights = draw(tokens, 64, 128).bfloat16(), draw(tokens, 64).bfloat16()
    angles, codec = draw(tokens, 32), _CODECS[form](128)
    written = weights.numel() * ((128 if form == "index_fp8" else 68) + 4)
    return Case(
        {
            "queries": queries,
            "weights": weights,
            "cos": angles.cos(),
            "sin": angles.sin(),
            "store": PagedEntries(1, codec, device, torch.float32),
            "form": form,
        },
        bytes_of(queries, weights) + 2 * bytes_of(angles) + written,
        operations=tokens * 64 * (3 * 64 + 128 * 9),
    )


def _compilation(form: str) -> Compilation:
    return Compilation(
        queries_kernel,
        {
            "queries": "*bf16",
            "weights": "*bf16",
            "cos": "*fp32",
            "sin": "*fp32",
            "rounded": "*u8",
            "weighed": "*fp32",
        },
        {
            "HEADS": 64,
            "WIDTH": 128,
            "ROPE": 64,
            "FORM": form,
            "BLOCK_H": _HEADS,
            "BLOCK_D": 128,
            "num_warps": _WARPS,
        },
    )


_CODECS = {"index_fp8": Fp8IndexCodec, "index_mxfp4": Mxfp4IndexCodec}
KERNELS = tuple(
    KernelSpec(
        name=f"index_queries_{name}",
        does=f"the indexer's queries turned and rounded to {what}",
        run=_run,
        reference=_reference,
        case=_case,
        shapes={
            "counted": {"tokens": 2, "form": form},
            "decode": {"tokens": 64, "form": form},
            "prefill": {"tokens": 4096, "form": form},
        },
        compilations=[_compilation(form)],
        tolerance=tolerance,  # where a number lies between two codes, its last bit decides
    )
    for name, form, what, tolerance in (
        ("fp8", "index_fp8", "FP8", 0.05),
        ("mxfp4", "index_mxfp4", "MXFP4", 0.2),
    )
)
