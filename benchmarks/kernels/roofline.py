"""Operations, fewest bytes and our bytes of every kernel, counted without a card.

    TRITON_INTERPRET=1 python -m benchmarks.kernels.roofline [--kernel NAME ...]

Writes the table of docs/kernels.md: of one call at the kernel's small shape ("counted"), under
Triton's interpreter. What a shape is stands in the kernel's file.
"""

import argparse
import sys

import torch

from inference.kernels.cuda.catalogue import kernels
from inference.kernels.cuda.traffic import counted, swift_sort
from inference.kernels.triton_common.spec import KernelSpec


def row(spec: KernelSpec) -> str:
    """One line of the table."""
    case = spec.make("counted", torch.device("cpu"))
    with swift_sort(), counted() as traffic:
        spec.run(**case.arguments)
    figures = f"{case.operations:,} | {case.floor_bytes:,} | {traffic.moved:,}"
    return f"| `{spec.name}` | {spec.does} | {figures} | {traffic.moved / case.floor_bytes:.2f} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kernel", nargs="+")
    arguments = parser.parse_args()
    print("| kernel | does | operations | fewest bytes | our bytes | ours / fewest |")
    print("|---|---|---|---|---|---|")
    for spec in kernels():
        if not arguments.kernel or spec.name in arguments.kernel:
            print(row(spec), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
