# pyright: reportArgumentType=none, reportAssignmentType=none, reportCallIssue=none
# pyright: reportGeneralTypeIssues=none, reportOperatorIssue=none
"""Pools the windows that rows close into cache entries, and keeps rows that later windows need.

Of HCA's, CSA's and the indexer's compressors. A window is read in stretches of rows that lie side
by side: those of before, which the ring may cut in two, then those of this batch. A run longer than
the rings' spare length overwrites rows that its own first windows read, so a batch that holds one
takes two launches: pool, then keep.
"""

from typing import Any

import torch
import triton
import triton.language as tl

from inference.kernels.ascend.codes import store_codes
from inference.kernels.ascend.cores import grid
from inference.kernels.ascend.index_codes import store_index_key
from inference.kernels.ascend.rotary import turn_row
from inference.kernels.ascend.stores import row_at, runs_here, store_of
from inference.kernels.reference.deepseek_v4_seams import Rows, Store, pool_and_store, read_rows
from inference.kernels.triton_common.jit import jit
from inference.kernels.triton_common.spec import Case, Compilation, KernelSpec
from inference.quantization import Fp8IndexCodec, KeyCodec, Mxfp4IndexCodec, PagedEntries

_BLOCK_J = 8


@triton.jit
def _stretch(
    most, weights, total, values, gates, bias, count, WIDTH: tl.constexpr, WIDE: tl.constexpr,
    BIASED: tl.constexpr, BLOCK_J: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """A softmax per channel, so far, and with ``count`` rows more, WIDE apart."""
    columns = tl.arange(0, BLOCK_D)[None, :]
    for start in range(0, count, BLOCK_J):
        j = start + tl.arange(0, BLOCK_J)[:, None]
        known = (j < count) & (columns < WIDTH)
        at = j * WIDE + columns
        v = tl.load(values + at, mask=known, other=0.0).to(tl.float32)
        g = tl.load(gates + at, mask=known, other=float("-inf")).to(tl.float32)
        if BIASED:
            g += tl.load(bias + at, mask=known, other=0.0)
        above = tl.maximum(most, tl.max(g, axis=0))
        safe = tl.where(above == float("-inf"), 0.0, above)  # nothing seen yet: no NaN
        share = tl.exp(g - safe[None, :])
        before = tl.exp(most - safe)
        weights = weights * before + tl.sum(share, axis=0)
        total = total * before + tl.sum(share * v, axis=0)
        most = above
    return most, weights, total


@triton.jit
def _pool(
    values, gates, bias, old_values, old_gates, row, position, state, first, RATE: tl.constexpr,
    OVERLAPS: tl.constexpr, WIDTH: tl.constexpr, LENGTH: tl.constexpr, OLD_STRIDE: tl.constexpr,
    BLOCK_J: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """[BLOCK_D] float32: the window that ``position`` closes; ``position``, ``first`` int32."""
    WIDE: tl.constexpr = (1 + OVERLAPS) * WIDTH
    most = tl.full((BLOCK_D,), float("-inf"), tl.float32)
    weights = tl.zeros((BLOCK_D,), tl.float32)
    total = tl.zeros((BLOCK_D,), tl.float32)
    for half in tl.static_range(1 + OVERLAPS):
        opens = position + 1 - (1 + OVERLAPS - half) * RATE
        ends = opens + RATE
        low = tl.maximum(opens, 0)
        olds = tl.minimum(first, ends) - low
        place = low % LENGTH
        before_cut = tl.minimum(olds, LENGTH - place)
        column = half * WIDTH
        ago = state * OLD_STRIDE + column
        at = ago + place * WIDE
        most, weights, total = _stretch(
            most, weights, total, old_values + at, old_gates + at, bias, before_cut,
            WIDTH, WIDE, False, BLOCK_J, BLOCK_D,
        )  # fmt: skip
        most, weights, total = _stretch(
            most, weights, total, old_values + ago, old_gates + ago, bias, olds - before_cut,
            WIDTH, WIDE, False, BLOCK_J, BLOCK_D,
        )  # fmt: skip
        new = tl.maximum(first, low)
        at = (row + new - position) * WIDE + column
        most, weights, total = _stretch(
            most, weights, total, values + at, gates + at,
            bias + (new - opens) * WIDE + column, ends - new, WIDTH, WIDE, True, BLOCK_J, BLOCK_D,
        )  # fmt: skip
    return total / tl.where(weights == 0.0, 1.0, weights)


@triton.jit
def _keep(
    values, gates, bias, old_values, old_gates, row, position, state, RATE: tl.constexpr,
    WIDE: tl.constexpr, LENGTH: tl.constexpr, OLD_STRIDE: tl.constexpr, BLOCK_W: tl.constexpr,
):  # fmt: skip
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
def _finish(
    pooled, norm, cos, sin, entries, turned, place, row, eps, WIDTH: tl.constexpr,
    ROPE: tl.constexpr, LENGTH: tl.constexpr, STRIDE: tl.constexpr, FORM: tl.constexpr,
    BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Norms, turns and stores an entry."""
    PLAIN: tl.constexpr = WIDTH - ROPE
    columns = tl.arange(0, BLOCK_D)
    inside = columns < WIDTH
    pooled *= tl.rsqrt(tl.sum(pooled * pooled, axis=0) / WIDTH + eps)
    pooled *= tl.load(norm + columns, mask=inside, other=0.0)
    pooled = turn_row(pooled, cos, sin, row, WIDTH, ROPE, BLOCK_D)
    if FORM == "fp8":
        DATA: tl.constexpr = PLAIN + 2 * ROPE
        store_codes(pooled, entries, place, PLAIN, DATA, STRIDE, BLOCK_D)
        to = turned + (place // 64) * (STRIDE // 2) + (place % 64) * (DATA // 2) - PLAIN // 2
        tl.store(to + columns, pooled.to(tl.bfloat16), mask=inside & (columns >= PLAIN))
    elif FORM == "numbers":
        to = row_at(entries, place, LENGTH, STRIDE, WIDTH)
        tl.store(to + columns, pooled.to(entries.dtype.element_ty), mask=inside)
    else:
        store_index_key(pooled, entries, turned, place, WIDTH, STRIDE, FORM)


@jit(varying=("tokens",))
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
    turned,  # as bfloat16, for the channels of FP8 entries that turn; as float32 for index keys
    old_values,  # [states, OLD_LENGTH, WIDE] float32, states OLD_STRIDE apart
    old_gates,
    tokens,
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
    # A program's rows stand side by side: every RATE-th has work, and strides share factors.
    each = tl.cdiv(tokens, tl.num_programs(0))
    begin = tl.program_id(0) * each
    for task in range(begin, tl.minimum(begin + each, tokens)):
        row = tl.cast(task, tl.int64)
        position = tl.load(positions + row).to(tl.int32)
        state = tl.load(states + row)
        if POOLS:
            place = tl.load(places + row)
            if place >= 0:
                first = tl.load(firsts + row).to(tl.int32)
                pooled = _pool(
                    values, gates, bias, old_values, old_gates, row, position, state, first,
                    RATE, OVERLAPS, WIDTH, OLD_LENGTH, OLD_STRIDE, BLOCK_J, BLOCK_D,
                )  # fmt: skip
                _finish(
                    pooled, norm, cos, sin, entries, turned, place, row, eps,
                    WIDTH, ROPE, LENGTH, STRIDE, FORM, BLOCK_D,
                )  # fmt: skip
        if KEEPS:  # noqa: SIM102 - a constant, decided before the load below is compiled
            if tl.load(lasts + row).to(tl.int32) - position < OLD_LENGTH:
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
    """See `pool_and_store`; narrow keys that `runs_here` does not take get their codes from torch.

    Args:
        singles: every run is one row, so one launch does.
    """
    tokens, width = len(values), len(norm)
    if not tokens:
        return
    if not runs_here(entries):
        closes = places >= 0
        numbers = torch.arange(tokens, device=places.device).masked_fill(~closes, -1)
        pooled = values.new_zeros(1, tokens, width, dtype=torch.float32)
        compress_store(
            values, gates, bias, norm, cos, sin, rows, numbers, pooled, old_values, old_gates,
            overlaps=overlaps, eps=eps, singles=singles,
        )  # fmt: skip
        entries[places[closes]] = pooled[0, closes]
        return
    target, turned, layout = store_of(entries)
    block_d = triton.next_power_of_2(width)  # of the indexer's keys their width itself
    block_d = block_d if layout["FORM"].startswith("index") else max(64, block_d)
    for pools, keeps in ((True, True),) if singles else ((True, False), (False, True)):
        compress_kernel[grid(tokens, values.device, "vector")](
            values, gates, bias, norm, cos, sin, rows.positions, rows.states, rows.firsts,
            rows.lasts, places, target, turned, old_values, old_gates, tokens, eps,
            RATE=len(bias), OVERLAPS=int(overlaps), WIDTH=width, ROPE=2 * cos.shape[-1],
            OLD_LENGTH=old_values.shape[1], OLD_STRIDE=old_values.stride(0), **layout,
            POOLS=pools, KEEPS=keeps, BLOCK_J=min(_BLOCK_J, triton.next_power_of_2(len(bias))),
            BLOCK_D=block_d,
        )  # fmt: skip


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


def _case(device: torch.device, *, rate: int, width: int, runs: int, codec: Any = None) -> Case:
    """``runs`` sequences of one row, each of which closes a window."""
    generator = torch.Generator(device).manual_seed(0)
    overlaps = rate == 4
    wide, length = (1 + overlaps) * width, (1 + overlaps) * rate + 16

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    positions = torch.arange(3, 3 + runs, device=device) * rate - 1
    states = torch.arange(runs, device=device)
    places = torch.randperm(runs, device=device, generator=generator) + 3
    angles = draw(runs, 32)
    entries: Store = torch.zeros(1, runs + 3, width, device=device, dtype=torch.bfloat16)
    if codec:
        entries = PagedEntries(runs + 3, codec, device, torch.bfloat16)
    arguments = {
        "values": draw(runs, wide).bfloat16(),
        "gates": draw(runs, wide).bfloat16(),
        "bias": draw(rate, wide),
        "norm": draw(width),
        "cos": angles.cos(),
        "sin": angles.sin(),
        "rows": Rows(positions, states, positions, positions, states, states[:, None]),
        "places": places,
        "entries": entries,
        "old_values": draw(runs, length, wide),
        "old_gates": draw(runs, length, wide),
        "overlaps": overlaps,
        "eps": 1e-6,
        "singles": True,
    }
    window = (1 + overlaps) * rate * width - width
    read = 2 * 2 * runs * wide + 4 * wide + 4 * width + 5 * 8 * runs
    read += 8 * runs * window + 8 * 32 * runs
    key = codec.data_bytes + codec.scale_bytes if codec else 2 * width
    written = runs * key + 8 * runs * wide
    return Case(arguments, read + written, operations=runs * (1 + overlaps) * rate * width * 6)


def _compilation(rate: int, width: int, keeps: bool, codec: Any = None) -> Compilation:
    """Of a batch of single rows, or of what pools in one with runs."""
    overlaps = rate == 4
    entries: Store = torch.empty(1, 64, width, dtype=torch.bfloat16)
    if codec:
        entries = PagedEntries(64, codec, entries.device, torch.bfloat16)
    kinds = {torch.uint8: "*u8", torch.bfloat16: "*bf16", torch.float32: "*fp32"}
    target, turned, layout = store_of(entries)
    floats = ("bias", "norm", "cos", "sin", "old_values", "old_gates")
    numbers = ("positions", "states", "firsts", "lasts", "places")
    return Compilation(
        compress_kernel,
        {
            **dict.fromkeys(("values", "gates"), "*bf16"),
            **dict.fromkeys(floats, "*fp32"),
            **dict.fromkeys(numbers, "*i64"),
            "entries": kinds[target.dtype],
            "turned": kinds[turned.dtype],
            "tokens": "i32",
            "eps": "fp32",
        },
        {
            "RATE": rate,
            "OVERLAPS": int(overlaps),
            "WIDTH": width,
            "ROPE": 64,
            "OLD_LENGTH": (1 + overlaps) * rate + 16,
            "OLD_STRIDE": 1 << 22,
            **layout,
            "POOLS": True,
            "KEEPS": keeps,
            "BLOCK_J": min(_BLOCK_J, rate),
            "BLOCK_D": width,
        },
    )


_HCA: dict[str, Any] = {"rate": 128, "width": 512}
_CSA: dict[str, Any] = {"rate": 4, "width": 512}
_INDEX: dict[str, Any] = {"rate": 4, "width": 128}
KERNELS = tuple(
    KernelSpec(
        name=f"compress_store_{name}",
        does=f"{what}: pools closed windows, norms, turns and stores them, keeps the rest",
        run=_run,
        reference=_reference,
        case=_case,
        shapes={"counted": {**kind, "runs": 1 if name == "hca" else 2}},
        compilations=[_compilation(**kind, keeps=True), _compilation(**kind, keeps=False)],
        tolerance=tolerance,  # a code's last bit may differ
    )
    for name, what, kind, tolerance in (
        ("hca", "HCA's compressor", _HCA, 3e-2),
        ("csa", "CSA's compressor", _CSA, 3e-2),
        (
            "csa_fp8",
            "CSA's compressor into the FP8 cache",
            {**_CSA, "codec": KeyCodec(512, 64)},
            3e-2,
        ),
        ("index", "the indexer's compressor", _INDEX, 3e-2),
        (
            "index_fp8",
            "the indexer's compressor to FP8",
            {**_INDEX, "codec": Fp8IndexCodec(128)},
            0.05,
        ),
        (
            "index_mxfp4",
            "the indexer's compressor to MXFP4",
            {**_INDEX, "codec": Mxfp4IndexCodec(128)},
            0.2,
        ),
    )
)
