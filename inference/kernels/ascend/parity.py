"""Every kernel beside its reference, by triton-ascend's own interpreter.

    TRITON_INTERPRET=1 python -m inference.kernels.ascend.parity [NAME ...]

The tests do so by the interpreter of the Triton of other chips; `make check-ascend` runs this in
triton-ascend's environment, whose language is an older one. Exit code 1 where one differs.
"""

import sys
import time
from typing import Any

import torch

from inference.kernels.ascend.catalogue import kernels
from inference.kernels.triton_common.interpreter import exact_bfloat16
from inference.kernels.triton_common.spec import KernelSpec


def difference(spec: KernelSpec, device: torch.device) -> str:
    """What differs at the kernel's small shape; empty: nothing beyond its tolerance."""
    found, expected = (
        _tensors(function(**spec.make("counted", device).arguments))
        for function in (spec.run, spec.reference)
    )
    try:
        for mine, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=spec.tolerance, atol=spec.tolerance)
    except AssertionError as error:
        return str(error)
    return ""


def _tensors(result: Any) -> tuple[torch.Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


def main() -> int:
    differing = 0
    with exact_bfloat16():
        for spec in kernels():
            if sys.argv[1:] and spec.name not in sys.argv[1:]:
                continue
            start = time.monotonic()
            told = difference(spec, torch.device("cpu"))
            differing += bool(told)
            state = f"DIFFERS: {told}" if told else "equal to its reference"
            print(f"{spec.name:26}{state} ({time.monotonic() - start:.1f} s)", flush=True)
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
