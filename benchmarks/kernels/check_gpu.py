"""Every kernel on the card that is here: parity, then time beside its roofline and plain torch.

    python -m benchmarks.kernels.check_gpu [--kernel NAME ...] [--json]

Parity is at the small shape and at the real ones ("decode", "prefill"). The roofline is the card's
own: bytes a second of a large copy, operations a second of a large bfloat16 product. Exit code 1
when a kernel and its reference differ.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from inference.kernels.cuda.catalogue import kernels
from inference.kernels.triton_common.spec import Case, KernelSpec

_SHAPES = ("counted", "decode", "prefill")
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


def check(spec: KernelSpec, shape: str, card: Card, device: torch.device) -> Found:
    """Parity of one shape and, but for the small one, its time."""
    case = spec.make(shape, device)
    differs = _difference(spec, case, spec.make(shape, device))
    if differs or shape == "counted":
        return Found(spec.name, shape, differs)
    ours = time_of(lambda: spec.run(**case.arguments))
    eager = time_of(lambda: spec.reference(**case.arguments))
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


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kernel", nargs="+")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("check-gpu: there is no CUDA device here; nothing was checked.", file=sys.stderr)
        return 1
    device = torch.device("cuda")
    card = measure_card(device)
    wanted = [s for s in kernels() if not arguments.kernel or s.name in arguments.kernel]
    found = [check(spec, shape, card, device) for spec in wanted for shape in _SHAPES]
    if arguments.json:
        print(json.dumps({"card": asdict(card), "kernels": [asdict(one) for one in found]}))
    else:
        print(f"{card.name}: {card.bandwidth / 1e9:.0f} GB/s, {card.speed / 1e12:.0f} Tflop/s")
        print(*map(_line, found), sep="\n")
    return int(any(one.differs for one in found))


def _line(one: Found) -> str:
    figures = (
        f"{one.microseconds:9.1f} us  {one.roofline_share:5.0%} of the roofline  "
        f"{one.times_eager:6.1f}x eager"
    )
    told = one.differs or ("equal" if one.shape == "counted" else figures)
    return f"{one.kernel:32}{one.shape:9}{told}"


if __name__ == "__main__":
    sys.exit(main())
