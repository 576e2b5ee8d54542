# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none
"""Pools the windows that rows close into cache entries, and keeps rows that later windows need.

Of HCA's, CSA's and the indexer's compressors. Rows of this batch are read as they were projected,
earlier ones from the rings. A run longer than the rings' spare length overwrites rows that its own
first windows read, so a batch that holds one takes two launches: pool, then keep.
"""

from collections.abc import Callable

import torch
import triton
import triton.language as tl

from inference.kernels.cuda.device import store_packed, turn_pairs
from inference.kernels.cuda.index_codes import store_index_key
from inference.kernels.cuda.stores import store_of
from inference.kernels.reference.deepseek_v4_seams import Rows, Store, pool_and_store, read_rows
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec
from inference.quantization import Fp8IndexCodec, KeyCodec, Mxfp4IndexCodec, PagedEntries
from inference.quantization.pages import Codec

_BLOCK_J, _WARPS = 8, 8


@triton.jit
def _keep(
    values,
    gates,
    bias,
    old_values,
    old_gates,
    row,
    position,
    state,
    RATE: tl.constexpr,
    WIDE: tl.constexpr,
    LENGTH: tl.constexpr,
    OLD_STRIDE: tl.constexpr,
    BLOCK_W: tl.constexpr,
):
    """The row itself, into the rings."""
    columns = tl.arange(0, BLOCK_W)
    inside = columns < WIDE
    to = state * OLD_STRIDE + (position % LENGTH) * WIDE + columns
    value = tl.load(values + row * WIDE + columns, mask=inside, other=0.0)
    gate = tl.load(gates + row * WIDE + columns, mask=inside, other=0.0).to(tl.float32)
    gate += tl.load(bias + (position % RATE) * WIDE + columns, mask=inside, other=0.0)
    tl.store(old_values + to, value.to(tl.float32), mask=inside)
    tl.store(old_gates + to, gate, mask=inside)


@triton.jit
def _pool(
    values,
    gates,
    bias,
    old_values,
    old_gates,
    row,
    position,
    state,
    first,
    RATE: tl.constexpr,
    OVERLAPS: tl.constexpr,
    WIDTH: tl.constexpr,
    LENGTH: tl.constexpr,
    OLD_STRIDE: tl.constexpr,
    BLOCK_J: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    """[BLOCK_D] float32: the window that ``position`` closes, a softmax per channel."""
    SPAN: tl.constexpr = (1 + OVERLAPS) * RATE
    WIDE: tl.constexpr = (1 + OVERLAPS) * WIDTH
    columns = tl.arange(0, BLOCK_D)[None, :]
    most = tl.full((BLOCK_D,), float("-inf"), tl.float32)
    weights = tl.zeros((BLOCK_D,), tl.float32)
    total = tl.zeros((BLOCK_D,), tl.float32)
    for start in range(0, SPAN, BLOCK_J):
        j = start + tl.arange(0, BLOCK_J)
        p = position - (SPAN - 1) + j
        known = ((j < SPAN) & (p >= 0))[:, None] & (columns < WIDTH)
        fresh = (p >= first)[:, None]
        column = columns + tl.where(j < SPAN - RATE, 0, OVERLAPS * WIDTH)[:, None]
        at = (row + p - position)[:, None] * WIDE + column
        ago = state * OLD_STRIDE + (p % LENGTH)[:, None] * WIDE + column
        by_place = (p % RATE)[:, None] * WIDE + column
        new, old = known & fresh, known & (p < first)[:, None]
        v = tl.load(values + at, mask=new, other=0.0).to(tl.float32)
        v += tl.load(old_values + ago, mask=old, other=0.0)
        g = tl.load(gates + at, mask=new, other=0.0).to(tl.float32)
        g += tl.load(bias + by_place, mask=new, other=0.0)
        g += tl.load(old_gates + ago, mask=old, other=0.0)
        g = tl.where(known, g, float("-inf"))
        above = tl.maximum(most, tl.max(g, axis=0))
        safe = tl.where(above == float("-inf"), 0.0, above)  # nothing seen yet: no NaN
        share = tl.exp(g - safe[None, :])
        before = tl.exp(most - safe)
        weights = weights * before + tl.sum(share, axis=0)
        total = total * before + tl.sum(share * v, axis=0)
        most = above
    return total / tl.where(tl.arange(0, BLOCK_D) < WIDTH, weights, 1.0)


@triton.jit
def compress_kernel(
    values,  # [T, WIDE]
    gates,
    bias,  # [RATE, WIDE] float32
    norm,  # [WIDTH] float32
    cos,  # [T, ROPE / 2] float32
    sin,
    positions,  # [T] int64, and so the next four
    states,
    firsts,
    lasts,
    places,
    entries,
    old_values,  # [states, LENGTH, WIDE] float32, states OLD_STRIDE apart
    old_gates,
    eps,
    RATE: tl.constexpr,
    OVERLAPS: tl.constexpr,
    WIDTH: tl.constexpr,
    ROPE: tl.constexpr,
    OLD_LENGTH: tl.constexpr,
    OLD_STRIDE: tl.constexpr,
    LENGTH: tl.constexpr,
    STRIDE: tl.constexpr,
    FORM: tl.constexpr,
    POOLS: tl.constexpr,
    KEEPS: tl.constexpr,
    BLOCK_J: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    position, state = tl.load(positions + row), tl.load(states + row)
    if POOLS:
        place = tl.load(places + row)
        if place >= 0:
            first = tl.load(firsts + row)
            pooled = _pool(
                values, gates, bias, old_values, old_gates, row, position, state, first,
                RATE, OVERLAPS, WIDTH, OLD_LENGTH, OLD_STRIDE, BLOCK_J, BLOCK_D,
            )  # fmt: skip
            columns = tl.arange(0, BLOCK_D)
            inside = columns < WIDTH
            pooled = tl.where(inside, pooled, 0.0)
            pooled *= tl.rsqrt(tl.sum(pooled * pooled) / WIDTH + eps)
            pooled *= tl.load(norm + columns, mask=inside, other=0.0)
            angles = row * (ROPE // 2)
            turned = turn_pairs(
                pooled[None, :], cos + angles, sin + angles, WIDTH, ROPE, BLOCK_D, False
            )
            turned = tl.reshape(turned, (BLOCK_D,))
            if FORM == "key_fp8":
                store_packed(turned, entries, place, columns, WIDTH, ROPE, BLOCK_D, STRIDE)
            elif FORM != "numbers":
                store_index_key(turned, entries, place, WIDTH, BLOCK_D, STRIDE, FORM)
            else:
                to = entries + (place // LENGTH) * STRIDE + (place % LENGTH) * WIDTH
                tl.store(to + columns, turned, mask=inside)
    if KEEPS:  # noqa: SIM102 - a constant, decided before the load below is compiled
        if tl.load(lasts + row) - position < OLD_LENGTH:
            _keep(
                values, gates, bias, old_values, old_gates, row, position, state,
                RATE, (1 + OVERLAPS) * WIDTH, OLD_LENGTH, OLD_STRIDE, (1 + OVERLAPS) * BLOCK_D,
            )  # fmt: skip


def compress_store(
    values: torch.Tensor,
    gates: torch.Tensor,
    bias: torch.Tensor,
    norm: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    rows: Rows,
    places: torch.Tensor,
    entries: Store,
    old_values: torch.Tensor,
    old_gates: torch.Tensor,
    *,
    overlaps: bool,
    eps: float,
    singles: bool = False,
) -> None:
    """See `pool_and_store`. ``singles``: every run is one row, so one launch does."""
    tokens, width = len(values), len(norm)
    if not tokens:
        return
    target, layout = store_of(entries)
    for pools, keeps in ((True, True),) if singles else ((True, False), (False, True)):
        compress_kernel[(tokens,)](
            values,
            gates,
            bias,
            norm,
            cos,
            sin,
            rows.positions,
            rows.states,
            rows.firsts,
            rows.lasts,
            places,
            target,
            old_values,
            old_gates,
            eps,
            RATE=len(bias),
            OVERLAPS=int(overlaps),
            WIDTH=width,
            ROPE=2 * cos.shape[-1],
            OLD_LENGTH=old_values.shape[1],
            OLD_STRIDE=old_values.stride(0),
            **layout,
            POOLS=pools,
            KEEPS=keeps,
            BLOCK_J=_BLOCK_J,
            BLOCK_D=max(64, triton.next_power_of_2(width)),
            num_warps=_WARPS,
        )


def _observed(function: object, **arguments: object) -> tuple[torch.Tensor, ...]:
    """What changed: the entries at their places, and the rings."""
    function(**arguments)  # pyright: ignore
    places: torch.Tensor = arguments["places"]  # pyright: ignore
    entries = read_rows(arguments["entries"], places[places >= 0])  # pyright: ignore
    return entries, arguments["old_values"], arguments["old_gates"]  # pyright: ignore


def _run(**arguments: object) -> tuple[torch.Tensor, ...]:
    return _observed(compress_store, **arguments)


def _reference(singles: bool, **arguments: object) -> tuple[torch.Tensor, ...]:
    return _observed(pool_and_store, **arguments)


def _case(
    device: torch.device, *, rate: int, width: int, runs: int, length: int, form: str = "numbers"
) -> Case:
    """``runs`` sequences of ``length`` rows; the last row of each closes a window."""
    generator = torch.Generator(device).manual_seed(0)
    overlaps, tokens, spare = rate == 4, runs * length, 16
    wide, old_length = (1 + overlaps) * width, (1 + overlaps) * rate + spare

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    lasts = (torch.arange(1, runs + 1, device=device) * 2 * rate + length) // rate * rate - 1
    lasts = lasts.repeat_interleave(length)
    positions = lasts - torch.arange(length - 1, -1, -1, device=device).repeat(runs)
    states = torch.arange(runs, device=device).repeat_interleave(length)
    closes = (positions + 1) % rate == 0
    count = int(closes.sum())
    places = torch.full_like(positions, -1).masked_scatter_(closes, torch.randperm(count) + 3)
    angles = draw(tokens, 32)
    entries: Store = torch.zeros(1, count + 3, width, device=device, dtype=torch.bfloat16)
    if form != "numbers":
        entries = PagedEntries(count + 3, _CODECS[form](width), device, torch.bfloat16)
    arguments = {
        "values": draw(tokens, wide).bfloat16(),
        "gates": draw(tokens, wide).bfloat16(),
        "bias": draw(rate, wide),
        "norm": draw(width),
        "cos": angles.cos(),
        "sin": angles.sin(),
        "rows": Rows(positions, states, lasts - length + 1, lasts, states, states[:, None]),
        "places": places,
        "entries": entries,
        "old_values": draw(runs, old_length, wide),
        "old_gates": draw(runs, old_length, wide),
        "overlaps": overlaps,
        "eps": 1e-6,
        "singles": length == 1,
    }
    read = 2 * 2 * tokens * wide + 4 * min(rate, length) * wide + 4 * width + 5 * 8 * tokens
    window = (1 + overlaps) * rate * width - min(length, rate) * width
    read += 8 * runs * window + 8 * 32 * count
    written = count * _BYTES.get(form, 2 * width) + 8 * runs * min(length, old_length) * wide
    return Case(arguments, read + written, operations=count * (1 + overlaps) * rate * width * 6)


def _compilation(rate: int, width: int, form: str = "numbers") -> Compilation:
    """Pools and keeps, as in a batch of single rows."""
    overlaps = rate == 4
    length = (1 + overlaps) * rate + 16
    numbers = dict.fromkeys(("positions", "states", "firsts", "lasts", "places"), "*i64")
    return Compilation(
        compress_kernel,
        {
            "values": "*bf16",
            "gates": "*bf16",
            "bias": "*fp32",
            "norm": "*fp32",
            "cos": "*fp32",
            "sin": "*fp32",
            **numbers,
            "entries": "*bf16" if form == "numbers" else "*u8",
            "old_values": "*fp32",
            "old_gates": "*fp32",
            "eps": "fp32",
        },
        {
            "RATE": rate,
            "OVERLAPS": int(overlaps),
            "WIDTH": width,
            "ROPE": 64,
            "OLD_LENGTH": length,
            "OLD_STRIDE": 1 << 22,
            "LENGTH": 64,
            "STRIDE": _PAGES.get(form, 64 * width),
            "FORM": form,
            "POOLS": True,
            "KEEPS": True,
            "BLOCK_J": _BLOCK_J,
            "BLOCK_D": width,
            "num_warps": _WARPS,
        },
    )


_CODECS: dict[str, Callable[[int], Codec]] = {
    "key_fp8": lambda width: KeyCodec(width, 64),
    "index_fp8": Fp8IndexCodec,
    "index_mxfp4": Mxfp4IndexCodec,
}
_BYTES = {"key_fp8": 584, "index_fp8": 132, "index_mxfp4": 68}  # of an entry
_PAGES = {"key_fp8": 37440, "index_fp8": 64 * 132, "index_mxfp4": 64 * 68}
_HCA = {"rate": 128, "width": 512}
_CSA = {"rate": 4, "width": 512}
_INDEX = {"rate": 4, "width": 128}
KERNELS = tuple(
    KernelSpec(
        name=f"compress_store_{name}",
        does=f"{what}: pools closed windows, norms, turns and stores them, keeps the rest",
        run=_run,
        reference=_reference,
        case=_case,
        shapes={
            "counted": {**kind, "runs": 2, "length": 1},
            "decode": {**kind, "runs": 64, "length": 1},
            "prefill": {**kind, "runs": 1, "length": 4096},
        },
        compilations=[_compilation(**kind)],
        tolerance=0.2 if name == "index_mxfp4" else 3e-2,
    )
    for name, what, kind in (
        ("hca", "HCA's compressor", _HCA),
        ("csa", "CSA's compressor", _CSA),
        ("csa_fp8", "CSA's compressor into the FP8 cache", {**_CSA, "form": "key_fp8"}),
        ("index", "the indexer's compressor", _INDEX),
        ("index_fp8", "the indexer's compressor to FP8", {**_INDEX, "form": "index_fp8"}),
        ("index_mxfp4", "the indexer's compressor to MXFP4", {**_INDEX, "form": "index_mxfp4"}),
    )
)
