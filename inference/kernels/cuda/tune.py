"""Finds block sizes, warps and stages on the card that is here, and writes them to ``tuned/``.

    python -m inference.kernels.cuda.tune [NAME ...] [--minutes M]

Without names: every file there, entry by entry; what is not reached in time stays as it was. The
entry of all numbers of rows (``*``) is timed at the kernel's shape of prompts, where there is one
and others are for fewer rows; the others at its shape of decoding.

Climbs from the entry that is there: every number of it is halved and doubled (stages: one more, one
less), the fastest change is kept, until none is faster by a hundredth. A configuration that does
not fit the chip or changes a result is passed over. Rerun it when a kernel, Triton or the card
changes.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch

from inference.kernels.cuda import tuning
from inference.kernels.triton_common.spec import KernelSpec

Configuration = dict[str, Any]
_BETTER = 0.99


@dataclass(frozen=True, slots=True)
class Entry:
    """One configuration of a file, and what it is timed with."""

    name: str  # the file's; after a point the variant
    rows: str  # its key
    spec: KernelSpec
    shape: str


def tunable(architecture: str) -> Iterator[Entry]:
    """Every entry of every file."""
    from inference.kernels.cuda.catalogue import kernels

    seen: set[str] = set()
    for spec in kernels():
        for name in sorted({one.tuned for one in spec.compilations if one.tuned} - seen):
            seen.add(name)
            keys = list(tuning.entries(name, architecture))
            for rows in keys:
                prompts = rows == "*" and len(keys) > 1 and "prefill" in spec.shapes
                yield Entry(name, rows, spec, "prefill" if prompts else "decode")


def climb(start: Configuration, seconds: Callable[[Configuration], float]) -> Configuration:
    """The best that single changes lead to; ``seconds`` is infinite where one fails."""
    best, least = start, seconds(start)
    while True:
        timed = [(seconds(near), near) for near in neighbours(best)]
        fastest, near = min(timed, key=lambda pair: pair[0])
        if fastest >= least * _BETTER:
            return best
        best, least = near, fastest


def neighbours(entry: Configuration) -> list[Configuration]:
    """All that differ in one number."""
    found = []
    for name, value in entry.items():
        if isinstance(value, bool) or not isinstance(value, int):
            continue
        steps = (value - 1, value + 1) if name == "num_stages" else (value // 2, value * 2)
        found += [entry | {name: step} for step in steps if step >= 1]
    return found


def write(kernel: str, architecture: str, rows: str, entry: Configuration, origin: str) -> None:
    """Put an entry into the kernel's file, and where it comes from."""
    name, _, variant = kernel.partition(".")
    path = tuning.DIRECTORY / f"{name}.json"
    whole = json.loads(path.read_text())
    table = whole[variant] if variant else whole
    table.setdefault(architecture, {})[rows] = entry
    whole.setdefault("origin", {})[f"{variant} {architecture} {rows}".strip()] = origin
    path.write_text(json.dumps(whole, indent=2) + "\n")


def tune(entry: Entry) -> Configuration:
    """The fastest on the card that is here, written to its file."""
    from triton.testing import do_bench

    device = torch.device("cuda")
    spec, architecture = entry.spec, tuning.architecture_of(device)
    arguments = spec.make(entry.shape, device).arguments
    expected = _first(spec.run(**arguments)).clone()

    def milliseconds(tried: Configuration) -> float:
        with tuning.overriding(entry.name, tried):
            try:
                found = _first(spec.run(**arguments))
                torch.testing.assert_close(found, expected, rtol=2e-2, atol=2e-2)
            except Exception as error:  # Triton says in many ways that a chip is too small
                print(f"{tried}: {type(error).__name__}", file=sys.stderr)
                return float("inf")
            return float(do_bench(lambda: spec.run(**arguments), return_mode="median"))  # pyright: ignore

    start = dict(tuning.entries(entry.name, architecture)[entry.rows])
    found = climb(start, milliseconds)
    origin = (
        f"{milliseconds(found):.4f} ms, before {milliseconds(start):.4f} ms: {spec.name}, shape "
        f"{entry.shape}, {torch.cuda.get_device_name()}, Triton {version('triton')}"
    )
    write(entry.name, architecture, entry.rows, found, origin)
    return found


def _first(result: Any) -> torch.Tensor:
    return result[0] if isinstance(result, tuple) else result


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="files in tuned/, after a point the variant")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing after")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("tune: there is no CUDA device here.", file=sys.stderr)
        return 1
    end = time.monotonic() + 60 * arguments.minutes
    for entry in tunable(tuning.architecture_of(torch.device("cuda"))):
        if arguments.names and entry.name not in arguments.names:
            continue
        if time.monotonic() > end:
            print(f"{entry.name} {entry.rows}: not reached in time")
            continue
        print(f"{entry.name} {entry.rows}: {json.dumps(tune(entry))}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
