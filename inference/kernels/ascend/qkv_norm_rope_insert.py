# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""Norms and turns queries and keys, and puts the keys into the cache.

The few channels that turn are read once more, so that pairs are taken apart of those alone.
"""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.codes import store_codes
from inference.kernels.ascend.cores import grid
from inference.kernels.ascend.rotary import angles_of, turn_pairs
from inference.kernels.ascend.stores import row_at, store_of
from inference.kernels.reference.deepseek_v4_seams import Store, norm_turn_insert, read_rows
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of
from inference.quantization import KeyCodec, PagedEntries

_HEADS = 8


@triton.jit
def _norm_heads(
    query, queries, cos, sin, eps, token, part, HEADS: tl.constexpr, WIDTH: tl.constexpr,
    ROPE: tl.constexpr, BLOCK_H: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_R: tl.constexpr,
):  # fmt: skip
    head, columns = tl.arange(0, BLOCK_H), tl.arange(0, BLOCK_D)
    rope = tl.arange(0, BLOCK_R)
    first = token * HEADS * WIDTH + part * BLOCK_H * WIDTH
    known = (part * BLOCK_H + head < HEADS)[:, None]
    at = head[:, None] * WIDTH + columns[None, :]
    x = tl.load(query + first + at, mask=known & (columns < WIDTH)[None, :], other=0.0)
    x = x.to(tl.float32)
    norm = tl.rsqrt(tl.sum(x * x, axis=1) / WIDTH + eps)[:, None]
    plain = known & (columns < WIDTH - ROPE)[None, :]
    tl.store(queries + first + at, (x * norm).to(queries.dtype.element_ty), mask=plain)
    at = WIDTH - ROPE + head[:, None] * WIDTH + rope[None, :]
    turns = known & (rope < ROPE)[None, :]
    x = tl.load(query + first + at, mask=turns, other=0.0).to(tl.float32)
    c, s = angles_of(cos, sin, token, ROPE, BLOCK_R)
    x = turn_pairs(x * norm, c, s, BLOCK_H, BLOCK_R)
    tl.store(queries + first + at, x.to(queries.dtype.element_ty), mask=turns)


@triton.jit
def _norm_key(
    key, key_norm, keys, store, turned, place, cos, sin, eps, token, WIDTH: tl.constexpr,
    ROPE: tl.constexpr, LENGTH: tl.constexpr, STRIDE: tl.constexpr, FORM: tl.constexpr,
    BLOCK_D: tl.constexpr, BLOCK_R: tl.constexpr,
):  # fmt: skip
    """``place`` -1: the key is not kept."""
    PLAIN: tl.constexpr = WIDTH - ROPE
    columns, rope = tl.arange(0, BLOCK_D), tl.arange(0, BLOCK_R)
    inside, plain, turns = columns < WIDTH, columns < PLAIN, rope < ROPE
    from_row, to_row = key + token * WIDTH, keys + token * WIDTH
    x = tl.load(from_row + columns, mask=inside, other=0.0).to(tl.float32)
    norm = tl.rsqrt(tl.sum(x * x, axis=0) / WIDTH + eps)
    y = tl.load(key_norm + columns, mask=inside, other=0.0) * (x * norm)
    y = y.to(keys.dtype.element_ty)
    tl.store(to_row + columns, y, mask=plain)
    x = tl.load(from_row + PLAIN + rope, mask=turns, other=0.0).to(tl.float32)
    x = tl.load(key_norm + PLAIN + rope, mask=turns, other=0.0) * (x * norm)
    c, s = angles_of(cos, sin, token, ROPE, BLOCK_R)
    x = tl.reshape(turn_pairs(x[None, :], c, s, 1, BLOCK_R), (BLOCK_R,))
    x = x.to(keys.dtype.element_ty)
    tl.store(to_row + PLAIN + rope, x, mask=turns)
    if place >= 0:
        if FORM == "fp8":
            DATA: tl.constexpr = PLAIN + 2 * ROPE
            store_codes(y.to(tl.float32), store, place, PLAIN, DATA, STRIDE, BLOCK_D)
            to = turned + (place // 64) * (STRIDE // 2) + (place % 64) * (DATA // 2) + PLAIN // 2
            tl.store(to + rope, x.to(tl.bfloat16), mask=turns)
        else:
            to = row_at(store, place, LENGTH, STRIDE, WIDTH)
            tl.store(to + columns, y, mask=plain)
            tl.store(to + PLAIN + rope, x, mask=turns)


@jit(varying=("tokens",))
def norm_turn_kernel(
    query,  # [T, H, d]
    key,  # [T, d]
    key_norm,  # [d] float32
    cos,  # [T, r / 2] float32
    sin,
    queries,  # [T, H, d]
    keys,  # [T, d]
    store,
    turned,  # the store as bfloat16, for the channels of FP8 entries that turn
    places,  # [T] int64
    tokens,
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
    BLOCK_R: tl.constexpr,
):
    PARTS: tl.constexpr = triton.cdiv(HEADS, BLOCK_H) + 1
    for task in range(tl.program_id(0), tokens * PARTS, tl.num_programs(0)):
        token, part = tl.cast(task // PARTS, tl.int64), task % PARTS
        if part < PARTS - 1:
            _norm_heads(
                query, queries, cos, sin, eps, token, part,
                HEADS, WIDTH, ROPE, BLOCK_H, BLOCK_D, BLOCK_R,
            )  # fmt: skip
        else:
            place = tl.full((), -1, tl.int64)
            if INSERTS:
                place = tl.load(places + token)
            _norm_key(
                key, key_norm, keys, store, turned, place, cos, sin, eps, token,
                WIDTH, ROPE, LENGTH, STRIDE, FORM, BLOCK_D, BLOCK_R,
            )  # fmt: skip


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
    rows, turned, layout = store_of(keys[None] if store is None else store)
    if tokens:
        tasks = tokens * (triton.cdiv(heads, _HEADS) + 1)
        norm_turn_kernel[grid(tasks, query.device, "vector")](
            query, key, key_norm, cos, sin, queries, keys, rows, turned,
            cos if places is None else places, tokens, eps, HEADS=heads, WIDTH=width,
            ROPE=2 * cos.shape[-1], INSERTS=inserts, **layout, BLOCK_H=_HEADS,
            BLOCK_D=max(64, triton.next_power_of_2(width)),
            BLOCK_R=triton.next_power_of_2(2 * cos.shape[-1]),
        )  # fmt: skip
    return queries, keys


def _run(store: Store, places: torch.Tensor, **arguments: object) -> tuple[torch.Tensor, ...]:
    found = qkv_norm_rope_insert(**arguments, store=store, places=places)  # pyright: ignore
    return *found, read_rows(store, places)


def _reference(store: Store, places: torch.Tensor, **arguments: object) -> tuple[torch.Tensor, ...]:
    found = norm_turn_insert(**arguments, store=store, places=places)  # pyright: ignore
    return *found, read_rows(store, places)


def _case(device: torch.device, *, tokens: int, heads: int, packed: bool) -> Case:
    generator = torch.Generator(device).manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    query, key = draw(tokens, heads, 512).bfloat16(), draw(tokens, 512).bfloat16()
    angles, weight = draw(tokens, 32), draw(512)
    places = torch.randperm(2 * tokens, device=device, generator=generator)[:tokens]
    store: Store = torch.zeros(2, tokens, 512, device=device, dtype=torch.bfloat16)
    if packed:
        store = PagedEntries(2 * tokens, KeyCodec(512, 64), device, torch.bfloat16)
    tensors = {
        "query": query, "key": key, "key_norm": weight, "cos": angles.cos(), "sin": angles.sin(),
        "places": places,
    }  # fmt: skip
    return Case(
        {**tensors, "store": store, "eps": 1e-6},
        floor_bytes=bytes_of(*tensors.values(), query, key) + tokens * (584 if packed else 1024),
        operations=tokens * (heads + 1) * (4 * 512 + 3 * 64),
    )


def _compilation(heads: int, packed: bool) -> Compilation:
    return Compilation(
        norm_turn_kernel,
        {
            **dict.fromkeys(("query", "key", "queries", "keys", "turned"), "*bf16"),
            **dict.fromkeys(("key_norm", "cos", "sin"), "*fp32"),
            "store": "*u8" if packed else "*bf16",
            "places": "*i64",
            "tokens": "i32",
            "eps": "fp32",
        },
        {
            "HEADS": heads,
            "WIDTH": 512,
            "ROPE": 64,
            "INSERTS": True,
            "LENGTH": 64 if packed else 144,
            "STRIDE": 37440 if packed else 144 * 512,
            "FORM": "fp8" if packed else "numbers",
            "BLOCK_H": _HEADS,
            "BLOCK_D": 512,
            "BLOCK_R": 64,
        },
    )


KERNELS = tuple(
    KernelSpec(
        name=f"qkv_norm_rope_insert{'_fp8' * packed}",
        does=f"norms and turns queries and keys, keys into the {'FP8 ' * packed}cache",
        run=_run,
        reference=_reference,
        case=_case,
        shapes={"counted": {"tokens": 2, "heads": 17, "packed": packed}},
        compilations=[_compilation(64, packed), _compilation(128, packed)],
        tolerance=3e-2,
    )
    for packed in (False, True)
)
