# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""FP8 entries at places, widened to bfloat16 side by side."""

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.codes import decode_e4m3, scale_value
from inference.kernels.ascend.cores import grid
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec, bytes_of
from inference.quantization import KeyCodec, PagedEntries

_BLOCK_N = 8


@jit(varying=("groups", "width"))
def gather_kernel(
    storage,  # uint8: pages of 64 entries
    words,  # the same as int32
    turned,  # the same as bfloat16
    places,  # [groups, width] int32
    counts,  # [groups] int64
    wide,  # [groups, width, WIDTH] bfloat16
    groups,
    width,
    WIDTH: tl.constexpr,
    ROPE: tl.constexpr,
    PAGE_BYTES: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    PLAIN: tl.constexpr = WIDTH - ROPE
    DATA: tl.constexpr = PLAIN + 2 * ROPE
    SCALES: tl.constexpr = BLOCK_D // 64  # bytes of an entry
    n, columns, rope = tl.arange(0, BLOCK_N), tl.arange(0, BLOCK_D), tl.arange(0, ROPE)
    word, shifts = tl.arange(0, SCALES // 4), (tl.arange(0, 4) * 8)[None, None, :]
    tiles = tl.cdiv(width, BLOCK_N)
    for task in range(tl.program_id(0), groups * tiles, tl.num_programs(0)):
        group, first = tl.cast(task // tiles, tl.int64), (task % tiles) * BLOCK_N
        count = tl.minimum(tl.load(counts + group).to(tl.int32), width) - first
        if count > 0:
            place = tl.load(places + group * width + first + n, mask=n < count, other=0)
            page, at = (place >> 6).to(tl.int64) * PAGE_BYTES, place & 63
            row = (page + at * DATA)[:, None]
            if DATA >= BLOCK_D:  # a scattered row with a mask would be read without it
                codes = tl.load(storage + row + columns[None, :])
            else:
                codes = tl.load(storage + row + columns[None, :], mask=(columns < DATA)[None, :])
            # Bytes would be read one by one, so they come four at a time.
            row = (page // 4 + 16 * DATA + at * (SCALES // 4))[:, None]
            scale = (tl.load(words + row + word[None, :])[:, :, None] >> shifts) & 0xFF
            scale = scale_value(tl.reshape(scale, (BLOCK_N, SCALES)))[:, :, None]
            scale = tl.broadcast_to(scale, (BLOCK_N, SCALES, 64))
            value = decode_e4m3(codes.to(tl.int32)) * tl.reshape(scale, (BLOCK_N, BLOCK_D))
            to = wide + (group * width + first) * WIDTH + n[:, None] * WIDTH
            known = (n < count)[:, None]
            plain = known & (columns < PLAIN)[None, :]
            tl.store(to + columns[None, :], value.to(tl.bfloat16), mask=plain)
            row = (page // 2 + at * (DATA // 2) + PLAIN // 2)[:, None]
            tl.store(to + PLAIN + rope[None, :], tl.load(turned + row + rope[None, :]), mask=known)


def gather_entries(
    store: PagedEntries, places: torch.Tensor, counts: torch.Tensor, rope: int
) -> torch.Tensor:
    """[groups, width, d] bfloat16 of the first ``counts`` entries at ``places`` [groups, width].

    What is beyond is left as it was in memory. ``rope``: a power of two.
    """
    (groups, width), channels = places.shape, store.codec.width
    wide = store.storage.new_empty(groups, width, channels, dtype=torch.bfloat16)
    tasks = groups * triton.cdiv(width, _BLOCK_N)
    if tasks:
        gather_kernel[grid(tasks, places.device, "vector")](
            store.storage, store.storage.view(torch.int32), store.storage.view(torch.bfloat16),
            places, counts, wide, groups, width, WIDTH=channels, ROPE=rope,
            PAGE_BYTES=store.storage.shape[1], BLOCK_N=_BLOCK_N,
            BLOCK_D=64 * store.codec.scale_bytes,
        )  # fmt: skip
    return wide


def _run(**arguments: torch.Tensor) -> torch.Tensor:
    return _seen(gather_entries(**arguments), arguments["counts"])  # pyright: ignore


def _reference(
    store: PagedEntries, places: torch.Tensor, counts: torch.Tensor, rope: int
) -> torch.Tensor:
    return _seen(store[places.long()].bfloat16(), counts)


def _seen(wide: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    known = torch.arange(wide.shape[1], device=wide.device) < counts[:, None]
    return torch.where(known[..., None], wide, 0.0)


def _case(device: torch.device, *, groups: int, width: int) -> Case:
    generator = torch.Generator(device).manual_seed(0)
    store = PagedEntries(100, KeyCodec(512, 64), device, torch.bfloat16)
    rows = torch.randn(100, 512, device=device, generator=generator)
    rows[7], rows[8] = 0.0, 1e30 * rows[8]
    store[torch.arange(100, device=device)] = rows
    places = torch.randint(100, (groups, width), device=device, generator=generator).int()
    places[:, :2] = torch.tensor([7, 8])
    counts = torch.arange(width - groups + 1, width + 1, device=device)
    total = int(counts.sum())
    return Case(
        {"store": store, "places": places, "counts": counts, "rope": 64},
        bytes_of(counts) + total * (4 + 584 + 1024),
    )


KERNELS = (
    KernelSpec(
        name="gather_entries",
        does="FP8 entries at places, widened side by side",
        run=_run,
        reference=_reference,
        case=_case,
        shapes={"counted": {"groups": 2, "width": 13}},
        compilations=[
            Compilation(
                gather_kernel,
                {
                    "storage": "*u8",
                    **dict.fromkeys(("turned", "wide"), "*bf16"),
                    **dict.fromkeys(("words", "places"), "*i32"),
                    "counts": "*i64",
                    **dict.fromkeys(("groups", "width"), "i32"),
                },
                {
                    "WIDTH": 512,
                    "ROPE": 64,
                    "PAGE_BYTES": 37440,
                    "BLOCK_N": _BLOCK_N,
                    "BLOCK_D": 512,
                },
            )
        ],
        tolerance=0.0,
    ),
)
