"""What is known of one kernel: how it is run, what it equals, what it costs, how it is compiled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Case:
    """One call, of the kernel's wrapper and of its reference alike, and its least cost."""

    arguments: dict[str, Any]
    floor_bytes: int  # operands that are needed, once each, and results, once each
    operations: int = 0  # floating point, a multiply-add is two


@dataclass(frozen=True, slots=True)
class Compilation:
    """One specialisation of a Triton function, for compiling without a device.

    ``signature`` names every argument that is no constant: ``"*bf16"``, ``"*fp32"``, ``"*u8"``,
    ``"i32"``, ``"fp32"``, ... in Triton's spelling. ``divisible`` are the integer arguments that
    are multiples of 16; pointers are so always. ``tuned`` names the kernel in ``cuda/tuned/`` whose
    configuration for ``rows`` completes ``constants``; empty: ``constants`` are complete.
    """

    function: Any  # a triton.JITFunction
    signature: Mapping[str, str]
    constants: Mapping[str, Any] = field(default_factory=dict)
    divisible: Sequence[str] = ()
    tuned: str = ""
    rows: int = 1


@dataclass(frozen=True, slots=True)
class KernelSpec:
    """One kernel.

    ``run`` and ``reference`` take a `Case`'s arguments and return tensors (one, or a tuple) that
    agree within ``tolerance`` (absolute and relative; 0: exactly). ``case(device, **shape)`` makes
    a call from one of ``shapes``: ``"counted"`` is small enough for the interpreter, where the
    kernel's loads and stores are counted against the floor; ``"decode"`` and ``"prefill"`` are
    those of `make check-gpu`.
    """

    name: str
    does: str  # for the table in docs/kernels.md
    run: Callable[..., Any]
    reference: Callable[..., Any]
    case: Callable[..., Case]
    shapes: Mapping[str, Mapping[str, Any]]
    compilations: Sequence[Compilation]
    tolerance: float = 0.0

    def make(self, shape: str, device: torch.device) -> Case:
        """The call of the shape of that name."""
        return self.case(device, **self.shapes[shape])


def bytes_of(*tensors: torch.Tensor | None) -> int:
    """Bytes of all of them, read or written once."""
    return sum(t.numel() * t.element_size() for t in tensors if t is not None)
