"""Finds block sizes, warps and stages on the card that is here, and writes them to ``tuned/``.

    python -m inference.kernels.cuda.tune NAME [--shape decode|prefill] [--rows ENTRY]

Climbs from the entry that is there: every number of it is halved and doubled (stages: one more, one
less), the fastest change is kept, until none is faster by a hundredth. A configuration that does
not fit the chip or changes a result is passed over. Rerun it when a kernel, Triton or the card
changes.
"""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

import torch

from inference.kernels.cuda import tuning

Configuration = dict[str, Any]
_BETTER = 0.99


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


def write(kernel: str, architecture: str, rows: str, entry: Configuration) -> None:
    """Put an entry into the kernel's file."""
    name, _, variant = kernel.partition(".")
    path = tuning.DIRECTORY / f"{name}.json"
    whole = json.loads(path.read_text())
    table = whole[variant] if variant else whole
    table.setdefault(architecture, {})[rows] = entry
    path.write_text(json.dumps(whole, indent=2) + "\n")


def tune(kernel: str, shape: str, rows: str) -> Configuration:
    """Time the kernel of that name on the card."""
    from triton.testing import do_bench

    from inference.kernels.cuda.catalogue import kernel as named

    device = torch.device("cuda")
    spec, architecture = named(kernel), tuning.architecture_of(device)
    arguments = spec.make(shape, device).arguments
    expected = _first(spec.run(**arguments)).clone()

    def seconds(entry: Configuration) -> float:
        with tuning.overriding(kernel, entry):
            try:
                found = _first(spec.run(**arguments))
                torch.testing.assert_close(found, expected, rtol=2e-2, atol=2e-2)
            except Exception as error:  # Triton says in many ways that a chip is too small
                print(f"{entry}: {type(error).__name__}", file=sys.stderr)
                return float("inf")
            return float(do_bench(lambda: spec.run(**arguments), return_mode="median"))  # pyright: ignore

    start = tuning.entries(kernel, architecture)[rows]
    found = climb(dict(start), seconds)
    write(kernel, architecture, rows, found)
    return found


def _first(result: Any) -> torch.Tensor:
    return result[0] if isinstance(result, tuple) else result


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kernel")
    parser.add_argument("--shape", default="decode")
    parser.add_argument("--rows", default="*", help="which entry: its key in the file")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("tune: there is no CUDA device here.", file=sys.stderr)
        return 1
    print(json.dumps(tune(arguments.kernel, arguments.shape, arguments.rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
