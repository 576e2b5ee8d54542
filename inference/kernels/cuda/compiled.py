"""What every kernel takes of every chip, as it was last compiled: ``compiled.json``.

Compiling all of them takes minutes. So what came of it is kept, with a fingerprint of what went
into it: a function's source and that of the functions it calls, its arguments, constants and
configurations, and Triton's version. A test asks that no fingerprint is old and nothing is above a
chip's limits; ``python -m inference.kernels.cuda.compile --write`` makes the file anew, or the
part of ``--kernel NAME``.
"""

import ast
import hashlib
import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inference.kernels.cuda.tuning import entries
from inference.kernels.triton_common.spec import Compilation, KernelSpec

FILE = Path(__file__).parent / "compiled.json"

KIB = 1024
SHARED_BYTES = {
    "sm_80": 99 * KIB,  # an A100 has 163, but sm_86, sm_89 and sm_120 borrow its configurations
    "sm_90": 227 * KIB,
    "sm_100": 227 * KIB,
    "gfx942": 64 * KIB,
}
"""Shared memory that a block may take at most (CUDA C programming guide, compute capabilities;
AMD's CDNA3 guide: the LDS of a compute unit)."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a compiled function takes of a chip; ``spills``: bytes on NVIDIA, registers on AMD."""

    kernel: str
    index: int  # of the kernel's compilations
    function: str
    architecture: str
    registers: int
    spills: int
    shared_bytes: int
    error: str = ""

    @property
    def problem(self) -> str:
        """Why it cannot run there as it should; empty: it can."""
        if self.error:
            return self.error
        if self.spills:
            return f"{self.spills} spilled"
        most = SHARED_BYTES[self.architecture]
        return f"more than {most} B shared" if self.shared_bytes > most else ""


def fingerprint(compilation: Compilation, architectures: Iterable[str]) -> str:
    """Of everything that a compilation for these chips depends on but Triton itself."""
    tuned = compilation.tuned
    configurations = {name: entries(tuned, name) for name in architectures if tuned}
    parts: list[Any] = [
        _sources(compilation.function),
        sorted(compilation.signature.items()),
        sorted((name, str(value)) for name, value in compilation.constants.items()),
        list(compilation.divisible),
        [tuned, compilation.rows, configurations],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _sources(function: Any) -> list[str]:
    """Of a Triton function and of those of ours that it calls, without comments and layout."""
    found: dict[Any, str] = {}
    waiting = [function]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        tree = _bare(one.src)
        constants: dict[str, str] = {}
        for name in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}:
            value = one.__globals__.get(name)
            if hasattr(value, "src") and value.__module__.startswith("inference."):
                waiting.append(value)
            elif type(value).__name__ in ("constexpr", "int", "float"):
                constants[name] = str(getattr(value, "value", value))
        found[one] = ast.unparse(tree) + json.dumps(constants, sort_keys=True)
    return sorted(found.values())


def _bare(source: str) -> ast.Module:
    """A function without its docstring."""
    tree = ast.parse(textwrap.dedent(source))
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    if ast.get_docstring(function, clean=False) is not None:
        function.body[:1] = [] if len(function.body) > 1 else [ast.Pass()]
    return tree


def read() -> list[Resources]:
    """What the file says."""
    kept = json.loads(FILE.read_text())["kernels"]
    return [
        Resources(kernel, index, one["function"], name, *one[name])
        for kernel, compilations in kept.items()
        for index, one in enumerate(compilations)
        for name in SHARED_BYTES
    ]


def outdated(specs: Sequence[KernelSpec]) -> list[str]:
    """Kernels that were compiled otherwise than they stand here, or are no more."""
    kept = json.loads(FILE.read_text())
    if kept["triton"] != version("triton"):
        return sorted({*kept["kernels"], *(spec.name for spec in specs)})
    known = {
        name: [one["fingerprint"] for one in compilations]
        for name, compilations in kept["kernels"].items()
    }
    today = {
        spec.name: [fingerprint(one, SHARED_BYTES) for one in spec.compilations] for spec in specs
    }
    return sorted(n for n in {*known, *today} if known.get(n) != today.get(n))


def write(specs: Sequence[KernelSpec], found: Sequence[Resources]) -> None:
    """Take in what came of compiling some kernels for all chips; those that are gone go.

    A line of the file is a compilation: registers, spills and shared bytes on each chip.
    """
    kept = json.loads(FILE.read_text())["kernels"] if FILE.exists() else {}
    lines: list[str] = []
    for spec in specs:
        rows = _rows(spec, [one for one in found if one.kernel == spec.name])
        body = ",\n".join(f"    {json.dumps(row)}" for row in rows or kept.get(spec.name, ()))
        if body:
            lines.append(f'  "{spec.name}": [\n{body}\n  ]')
    text = ",\n".join(lines)
    FILE.write_text(f'{{"triton": "{version("triton")}", "kernels": {{\n{text}\n}}}}\n')


def _rows(spec: KernelSpec, found: Sequence[Resources]) -> list[dict[str, Any]]:
    """One for each compilation; none where nothing was found."""
    rows: list[dict[str, Any]] = []
    for index, compilation in enumerate(spec.compilations if found else ()):
        chips = {
            one.architecture: [one.registers, one.spills, one.shared_bytes]
            for one in found
            if one.index == index
        }
        name, print_ = compilation.function.__name__, fingerprint(compilation, SHARED_BYTES)
        rows.append({"function": name, "fingerprint": print_, **chips})
    return rows
