# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none
"""Norms and turns queries and keys, and puts the keys into the cache."""

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.device import store_packed, turn_pairs
from inference.kernels.cuda.stores import store_of
from inference.kernels.reference.deepseek_v4_seams import Store, norm_turn_insert, read_rows
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of
from inference.quantization import KeyCodec, PagedEntries

_HEADS, _WARPS = 8, 4


@triton.jit
def norm_turn_kernel(
    query,  # [T, H, d]
    key,  # [T, d]
    key_norm,  # [d] float32
    cos,  # [T, r / 2] float32
    sin,
    queries,  # [T, H, d]
    keys,  # [T, d]
    store,
    places,  # [T] int64
    eps,
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    ROPE: tl.constexpr,
    INSERTS: tl.constexpr,
    LENGTH: tl.constexpr,
    STRIDE: tl.constexpr,
    FORM: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    token, part = tl.program_id(0).to(tl.int64), tl.program_id(1)
    columns = tl.arange(0, BLOCK_D)
    inside = columns < WIDTH
    angles = token * (ROPE // 2)
    if part < tl.cdiv(HEADS, BLOCK_H):
        head = part * BLOCK_H + tl.arange(0, BLOCK_H)
        at = (token * HEADS + head)[:, None] * WIDTH + columns[None, :]
        known = (head < HEADS)[:, None] & inside[None, :]
        x = tl.load(query + at, mask=known, other=0.0).to(tl.float32)
        x = x * tl.rsqrt(tl.sum(x * x, axis=1) / WIDTH + eps)[:, None]
        x = turn_pairs(x, cos + angles, sin + angles, WIDTH, ROPE, BLOCK_D, False)
        tl.store(queries + at, x, mask=known)
    else:
        y = tl.load(key + token * WIDTH + columns, mask=inside, other=0.0).to(tl.float32)
        weight = tl.load(key_norm + columns, mask=inside, other=0.0)
        y = weight * (y * tl.rsqrt(tl.sum(y * y) / WIDTH + eps))
        y = turn_pairs(y[None, :], cos + angles, sin + angles, WIDTH, ROPE, BLOCK_D, False)
        y = tl.reshape(y, (BLOCK_D,)).to(keys.dtype.element_ty)
        tl.store(keys + token * WIDTH + columns, y, mask=inside)
        if INSERTS:
            place = tl.load(places + token)
            if place >= 0:
                if FORM == "key_fp8":
                    wide = y.to(tl.float32)
                    store_packed(wide, store, place, columns, WIDTH, ROPE, BLOCK_D, STRIDE)
                else:
                    row = store + (place // LENGTH) * STRIDE + (place % LENGTH) * WIDTH
                    tl.store(row + columns, y, mask=inside)


def qkv_norm_rope_insert(
    query: torch.Tensor,
    key: torch.Tensor,
    key_norm: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    *,
    eps: float,
    store: Store | None = None,
    places: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """See `norm_turn_insert`; all contiguous."""
    tokens, heads, width = query.shape
    queries, keys = torch.empty_like(query), torch.empty_like(key)
    inserts = store is not None and places is not None
    rows, layout = store_of(keys[None] if store is None else store)
    if tokens:
        norm_turn_kernel[(tokens, triton.cdiv(heads, _HEADS) + 1)](
            query,
            key,
            key_norm,
            cos,
            sin,
            queries,
            keys,
            rows,
            cos if places is None else places,
            eps,
            HEADS=heads,
            WIDTH=width,
            ROPE=2 * cos.shape[-1],
            INSERTS=inserts,
            **layout,
            BLOCK_H=_HEADS,
            BLOCK_D=max(64, triton.next_power_of_2(width)),
            num_warps=_WARPS,
        )
    return queries, keys


def _run(store: Store, places: torch.Tensor, **arguments: object) -> tuple[torch.Tensor, ...]:
    out = qkv_norm_rope_insert(store=store, places=places, **arguments)  # pyright: ignore
    return *out, read_rows(store, places)


def _reference(store: Store, places: torch.Tensor, **arguments: object) -> tuple[torch.Tensor, ...]:
    out = norm_turn_insert(store=store, places=places, **arguments)  # pyright: ignore
    return *out, read_rows(store, places)


def _case(device: torch.device, *, tokens: int, heads: int, packed: bool) -> Case:
    generator = torch.Generator(device).manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    query, key = draw(tokens, heads, 512).bfloat16(), draw(tokens, 512).bfloat16()
    angles, weight = draw(tokens, 32), draw(512)
    places = torch.randperm(2 * tokens, device=device, generator=generator)[:tokens]
    store: Store = torch.zeros(2, tokens, 512, device=device, dtype=torch.bfloat16)
    entry = 1024
    if packed:
        store, entry = PagedEntries(2 * tokens, KeyCodec(512, 64), device, torch.bfloat16), 584
    return Case(
        {
            "query": query,
            "key": key,
            "key_norm": weight,
            "cos": angles.cos(),
            "sin": angles.sin(),
            "eps": 1e-6,
            "store": store,
            "places": places,
        },
        floor_bytes=2 * bytes_of(query, key, angles) + bytes_of(weight, places) + tokens * entry,
        operations=tokens * (heads + 1) * (4 * 512 + 3 * 64),
    )


_SIGNATURE = {
    "query": "*bf16",
    "key": "*bf16",
    "key_norm": "*fp32",
    "cos": "*fp32",
    "sin": "*fp32",
    "queries": "*bf16",
    "keys": "*bf16",
    "places": "*i64",
    "eps": "fp32",
}


def _compilation(heads: int, packed: bool) -> Compilation:
    return Compilation(
        norm_turn_kernel,
        {**_SIGNATURE, "store": "*u8" if packed else "*bf16"},
        {
            "HEADS": heads,
            "WIDTH": 512,
            "ROPE": 64,
            "INSERTS": True,
            "LENGTH": 64 if packed else 144,
            "STRIDE": 37440 if packed else 144 * 512,
            "FORM": "key_fp8" if packed else "numbers",
            "BLOCK_H": _HEADS,
            "BLOCK_D": 512,
            "num_warps": _WARPS,
        },
    )


KERNELS = tuple(
    KernelSpec(
        name=f"qkv_norm_rope_insert{'_fp8' if packed else ''}",
        does=f"norms and turns queries and keys, keys into the {'FP8 ' * packed}cache",
        run=_run,
        reference=_reference,
        case=_case,
        shapes={
            "counted": {"tokens": 2, "heads": 64, "packed": packed},
            "decode": {"tokens": 64, "heads": 64, "packed": packed},
            "prefill": {"tokens": 4096, "heads": 64, "packed": packed},
        },
        compilations=[_compilation(64, packed), _compilation(128, packed)],
        tolerance=3e-2,
    )
    for packed in (False, True)
)
