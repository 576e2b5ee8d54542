"""Block sizes, warps and stages per architecture and number of rows: data files in ``tuned/``.

``tuned/<kernel>.json`` maps an architecture to configurations by the largest number of rows they
are for (``"*"``: any). ``num_warps``, ``num_stages`` and the like are Triton's launch options,
everything in capitals is a constant of the kernel:

    {"sm_90": {"16": {"BLOCK_M": 16, "num_warps": 4, "num_stages": 4}, "*": {...}}, ...}

A kernel with variants (`grouped_gate_up.mxfp4`) has such a mapping for each in its file. Under
``"origin"`` stands where entries come from: ``"sm_90 16"``, after the variant if there is one, or
``"*"`` for all that are not named.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import torch

DIRECTORY = Path(__file__).parent / "tuned"

# Other chips borrow from the one whose limits (shared memory, matrix instructions) they meet.
_BORROWED = {"sm_86": "sm_80", "sm_89": "sm_80", "sm_120": "sm_80", "sm_121": "sm_80"}
_NEXT = {"sm_103": "sm_100", "gfx950": "gfx942", "gfx940": "gfx942", "gfx941": "gfx942"}
_NONE: Mapping[str, dict[str, Any]] = {}
_OVERRIDES: ContextVar[Mapping[str, dict[str, Any]]] = ContextVar("overrides", default=_NONE)
INTERPRETER = "sm_90"  # whose configurations Triton's interpreter runs with


def configuration(kernel: str, architecture: str, rows: int) -> dict[str, Any]:
    """Constants and options for ``rows`` rows; an unknown architecture gets sm_80's.

    Args:
        kernel: a file's name; after a point the variant that the file has tables for.
    """
    if kernel in _OVERRIDES.get():
        return dict(_OVERRIDES.get()[kernel])
    for most, entry in entries(kernel, architecture).items():
        if most == "*" or rows <= int(most):
            return dict(entry)
    raise KeyError(f"tuned/{kernel}: no configuration of {architecture} for any number of rows")


def entries(kernel: str, architecture: str) -> dict[str, dict[str, Any]]:
    """Configurations by the largest number of rows that they are for."""
    name, _, variant = kernel.partition(".")
    table = _table(name)[variant] if variant else _table(name)
    known = _BORROWED.get(architecture) or _NEXT.get(architecture) or architecture
    return table.get(known) or table["sm_80"]


@contextmanager
def overriding(kernel: str, entry: dict[str, Any]) -> Iterator[None]:
    """One configuration for every number of rows, within the block (`tune`)."""
    token = _OVERRIDES.set({**_OVERRIDES.get(), kernel: entry})
    try:
        yield
    finally:
        _OVERRIDES.reset(token)


def architecture_of(device: torch.device) -> str:
    """``sm_90``, ``gfx942``, ...; on a CPU (the interpreter) that of `INTERPRETER`."""
    return INTERPRETER if device.type == "cpu" else _architecture(device.index or 0)


@cache
def _architecture(index: int) -> str:
    properties = torch.cuda.get_device_properties(index)
    if torch.version.hip:
        return properties.gcnArchName.split(":")[0]
    return f"sm_{properties.major}{properties.minor}"


@cache
def _table(kernel: str) -> dict[str, Any]:
    return json.loads((DIRECTORY / f"{kernel}.json").read_text())
