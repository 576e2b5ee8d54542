"""`triton.jit` as a type checker should see it: kernels are called by Triton's rules."""

from collections.abc import Callable
from typing import Any

import triton

jit: Callable[[Callable[..., Any]], Any] = triton.jit
