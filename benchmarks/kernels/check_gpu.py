"""On a card: every kernel's parity, a whole model's speed, then every kernel beside its roofline.

    python -m benchmarks.kernels.check_gpu [--kernel NAME ...] [--part PART ...]
        [--size tiny|small] [--minutes 9] [--json]

Parts, those first without which the others are worth nothing, each printed as it is found:
``parity`` of every kernel at its small shape; ``end-to-end`` (`benchmarks.kernels.end_to_end`);
``decode`` and ``prefill``, parity and time at real shapes. After ``--minutes`` nothing new is
begun. The roofline is the card's own: bytes a second of a large copy, operations a second of a
large bfloat16 product. Exit code 1 when a kernel or the model differs, or the bar was missed.
"""

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from benchmarks.kernels import end_to_end
from inference.kernels.cuda.catalogue import kernels
from inference.kernels.triton_common.spec import Case, KernelSpec

PARTS = ("parity", "end-to-end", "decode", "prefill")
_SMALL = "counted"
_BFLOAT16 = 0.02  # at real widths sums are rounded in another order


@dataclass(frozen=True, slots=True)
class Card:
    """What it reaches, in bytes and operations a second."""

    name: str
    bandwidth: float
    speed: float


@dataclass(frozen=True, slots=True)
class Found:
    kernel: str
    shape: str
    differs: str
    microseconds: float = 0.0
    roofline_share: float = 0.0
    times_eager: float = 0.0


def time_of(call: Callable[[], Any]) -> float:
    """Median seconds of a call, with a cold second-level cache."""
    from triton.testing import do_bench

    return float(do_bench(call, return_mode="median")) / 1e3  # pyright: ignore


def measure_card(device: torch.device) -> Card:
    source = torch.empty(1 << 30, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    square = torch.randn(8192, 8192, device=device).bfloat16()
    copied = 2 * source.numel() / time_of(lambda: target.copy_(source))
    multiplied = 2 * 8192**3 / time_of(lambda: square @ square)
    return Card(torch.cuda.get_device_name(device), copied, multiplied)


def check(
    spec: KernelSpec,
    shape: str,
    card: Card | None,
    device: torch.device,
    seconds_of: Callable[[Callable[[], Any]], float] = time_of,
) -> Found:
    """Parity of one shape and, with a ``card``, its time."""
    case = spec.make(shape, device)
    differs = _difference(spec, case, spec.make(shape, device))
    if differs or card is None:
        return Found(spec.name, shape, differs)
    ours = seconds_of(lambda: spec.run(**case.arguments))
    eager = seconds_of(lambda: spec.reference(**case.arguments))
    least = max(case.floor_bytes / card.bandwidth, case.operations / card.speed)
    return Found(spec.name, shape, "", ours * 1e6, least / ours, eager / ours)


def _difference(spec: KernelSpec, mine: Case, theirs: Case) -> str:
    """Empty, or how the results differ; two cases, since a kernel may write to its arguments."""
    found, expected = spec.run(**mine.arguments), spec.reference(**theirs.arguments)
    pairs = zip(_tensors(found), _tensors(expected), strict=True)
    tolerance = max(spec.tolerance, _BFLOAT16) if spec.tolerance else 0.0
    try:
        for one, other in pairs:
            torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)
    except AssertionError as error:
        return str(error).replace("\n", " ")
    return ""


def _tensors(result: Any) -> tuple[torch.Tensor, ...]:
    return tuple(result) if isinstance(result, tuple) else (result,)


def check_kernels(
    specs: list[KernelSpec], shape: str, card: Card | None, device: torch.device, deadline: float
) -> list[Found]:
    """Each of ``specs`` at ``shape``, said as it is found, until ``deadline`` (monotonic)."""
    found: list[Found] = []
    for spec in specs:
        if time.monotonic() > deadline:
            print(f"out of time: {len(specs) - len(found)} kernels at {shape} not run", flush=True)
            break
        try:
            found.append(check(spec, shape, card, device))
        except Exception as error:  # the others may run all the same
            told = str(error).replace("\n", " ")[:300]
            found.append(Found(spec.name, shape, f"failed: {type(error).__name__}: {told}"))
        print(line(found[-1]), flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kernel", nargs="+", default=[])
    parser.add_argument("--part", nargs="+", choices=PARTS, default=[])
    parser.add_argument("--size", choices=end_to_end.SIZES, default="small")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end too")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("check-gpu: there is no CUDA device here; nothing was checked.", file=sys.stderr)
        return 1
    deadline, device = time.monotonic() + 60 * arguments.minutes, torch.device("cuda")
    parts = arguments.part or [p for p in PARTS if not arguments.kernel or p != "end-to-end"]
    wanted = [s for s in kernels() if not arguments.kernel or s.name in arguments.kernel]
    card = measure_card(device)
    print(f"{card.name}: {card.bandwidth / 1e9:.0f} GB/s, {card.speed / 1e12:.0f} Tflop/s")
    found: list[Found] = []
    whole: end_to_end.Outcome | None = None
    for part in PARTS:
        if part not in parts:
            continue
        if part == "end-to-end":
            whole = _whole(end_to_end.Settings(size=arguments.size))
        else:
            shape, timed = (_SMALL, None) if part == "parity" else (part, card)
            found += check_kernels(wanted, shape, timed, device, deadline)
    differing = [one for one in found if one.differs]
    print(f"{len(found) - len(differing)} of {len(found)} cases equal their references")
    if arguments.json:
        told = {"card": asdict(card), "kernels": [asdict(one) for one in found]}
        print(json.dumps(told | {"end_to_end": None if whole is None else asdict(whole)}))
    return int(bool(differing) or (whole is not None and (whole.missed or bool(whole.differs))))


def _whole(settings: end_to_end.Settings) -> end_to_end.Outcome:
    try:
        return end_to_end.check(settings)
    except Exception as error:  # the kernels may run all the same
        traceback.print_exc()
        return end_to_end.Outcome(0, differs={"failed": str(error)[:300]})


def line(one: Found) -> str:
    """What was found, on one line."""
    figures = (
        f"{one.microseconds:9.1f} us  {one.roofline_share:5.0%} of the roofline  "
        f"{one.times_eager:6.1f}x eager"
    )
    told = one.differs or (figures if one.microseconds else "equal")
    return f"{one.kernel:32}{one.shape:9}{told}"


if __name__ == "__main__":
    sys.exit(main())
