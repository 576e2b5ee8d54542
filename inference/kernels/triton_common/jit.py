"""`triton.jit` as a type checker should see it: kernels are called by Triton's rules."""

from collections.abc import Callable, Sequence
from typing import Any

import triton


def jit(function: Callable[..., Any] | None = None, *, varying: Sequence[str] = ()) -> Any:
    """A Triton function.

    Args:
        varying: integers that differ from step to step. Triton compiles a function again where an
            integer is 1 or a multiple of 16; of these it does not look.
    """
    if function is None:
        options: dict[str, Any] = {"do_not_specialize": list(varying)}
        return lambda given: triton.jit(given, **options)
    return triton.jit(function)
