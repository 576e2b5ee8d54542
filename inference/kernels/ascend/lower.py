"""Lowers every kernel to linalg MLIR for an NPU that is not here, and reports what each takes.

    python -m inference.kernels.ascend.lower [--kernel NAME ...] [--json] [--keep DIRECTORY]

In the environment of triton-ascend (`make check-ascend`). Exit code 1 when one is not lowered,
leaves operations of Triton's, compares tiles of integers (which vector cores do number by number),
or takes more of a core's memories than there is; the unified buffer counts half, since the compiler
fills one half of it while the other is computed with. The binary needs CANN's compiler and is not
made.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from inference.kernels.ascend.buffers import L0C, L1, UNIFIED, Buffers, buffers
from inference.kernels.ascend.catalogue import kernels
from inference.kernels.triton_common.spec import Compilation

TARGET = ("npu", "Ascend910B3", 0)
_MIX_MODE = re.compile(r'mix_mode = "(\w+)"')
_OPERATION = re.compile(r"^\s*(?:%[\w:, ]+ = )?\"?(tt\.\w+)", re.MULTILINE)
_LIBRARY = re.compile(r"\bcall @(\w+?)(?:_\d+)?\(")
_COMPARISON = re.compile(r"arith\.cmpi .*: tensor<")
_ONE_BY_ONE = "ExtractedLoadOrStore"  # a loop over what lies apart


@dataclass(frozen=True, slots=True)
class Lowered:
    """One function; ``mix_mode``: "aiv" on vector cores, "mix" or "aic" with the cube's."""

    kernel: str
    function: str
    mix_mode: str = ""
    unlowered: tuple[str, ...] = ()  # operations of Triton's that are left
    library: tuple[str, ...] = ()  # functions that CANN's compiler brings
    apart: int = 0  # loops over addresses that lie apart
    comparisons: int = 0  # of integers of tiles, which are done number by number
    buffers: Buffers = field(default_factory=Buffers)
    multibuffer: bool = True
    error: str = ""

    @property
    def problem(self) -> str:
        """A sentence, or nothing."""
        if self.error:
            return self.error
        if self.unlowered:
            return f"not lowered: {', '.join(self.unlowered)}"
        if self.comparisons:
            return f"compares integers of tiles in {self.comparisons} places"
        share = 2 if self.multibuffer else 1
        for name, taken, most in (
            ("the unified buffer", self.buffers.unified, UNIFIED // share),
            ("L1", self.buffers.l1, L1 // share),
            ("L0C", self.buffers.l0c, L0C),
        ):
            if taken > most:
                return f"takes {taken} B of {name}, which has {most}"
        return ""


def lower(compilation: Compilation) -> tuple[str, bool]:
    """Linalg MLIR of one specialisation, and whether its loads are double buffered.

    Raises:
        Exception: whatever triton-ascend raises.
    """
    from triton._C.libtriton import ir  # pyright: ignore[reportAttributeAccessIssue]
    from triton.backends.ascend.compiler import (  # pyright: ignore[reportMissingImports]
        AscendBackend,
        make_ttir,
        ttir_to_linalg,
    )
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = compilation.function.arg_names
    target = GPUTarget(*TARGET)
    backend: Any = AscendBackend(target)
    extra = {key: v for key, v in compilation.constants.items() if key not in names}
    options = backend.parse_options(extra)
    constants = {key: v for key, v in compilation.constants.items() if key in names}
    # As triton 3.2 takes it: in the order of the arguments, without the constants.
    signature = {n: compilation.signature[n] for n in names if n in compilation.signature}
    make_source: Any = ASTSource
    source = make_source(compilation.function, signature, constants)
    context = ir.context()
    ir.load_dialects(context)
    module = source.make_ir(
        options, backend.get_codegen_implementation(), backend.get_module_map(), context
    )
    metadata = {**vars(options), "target": target}
    module = make_ttir(module, metadata, options)
    return ttir_to_linalg(module, metadata, options, named_ops=True), options.multibuffer


def examine(kernel: str, compilation: Compilation, keep: Path | None = None) -> Lowered:
    """Lower one specialisation; a failure is in ``error``."""
    name = compilation.function.__name__
    try:
        linalg, multibuffer = lower(compilation)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or b"").decode(errors="replace").strip().splitlines()
        return Lowered(kernel, name, error="triton-adapter-opt: " + "\n".join(said[:12]))
    except Exception as error:  # the front end raises anything; the report says what
        return Lowered(kernel, name, error=_innermost(error))
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{kernel}.{name}.mlir").write_text(linalg)
    mode = _MIX_MODE.search(linalg)
    return Lowered(
        kernel,
        name,
        mode.group(1) if mode else "",
        tuple(sorted(set(_OPERATION.findall(linalg)))),
        tuple(sorted(set(_LIBRARY.findall(linalg)))),
        linalg.count(_ONE_BY_ONE),
        len(_COMPARISON.findall(linalg)),
        buffers(linalg),
        multibuffer,
    )


def _innermost(error: BaseException) -> str:
    """Where the front end failed first; each function that is called wraps its error."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}".strip()


def lower_all(names: list[str] | None = None, keep: Path | None = None) -> Iterator[Lowered]:
    """Every specialisation of the kernels (of those in ``names``)."""
    for spec in kernels():
        if not names or spec.name in names:
            yield from (examine(spec.name, one, keep) for one in spec.compilations)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kernel", nargs="+")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", type=Path, help="where to write the MLIR")
    arguments = parser.parse_args()
    found = []
    for one in lower_all(arguments.kernel, arguments.keep):
        found.append(one)
        if not arguments.json:
            print(_line(one), flush=True)
    if arguments.json:
        print(json.dumps([{**asdict(one), "problem": one.problem} for one in found]))
    return int(not found or any(one.problem for one in found))


def _line(one: Lowered) -> str:
    took = one.buffers
    cube = f", {took.widest / 1024:.0f} were tails 512 B; {took.narrow} narrow"
    figures = (
        f"{one.mix_mode:4} UB {took.unified / 1024:5.1f} KiB"
        f"{cube if one.mix_mode != 'aiv' else ''}; L1 {took.l1 / 1024:.0f}, "
        f"L0C {took.l0c / 1024:.0f}; {took.padded} padded, {one.apart} apart"
        f"{', calls ' + ' '.join(one.library) if one.library else ''}"
        f"{'' if one.multibuffer else ', single buffers'}"
    )
    state = f"FAILED: {one.problem}" if one.problem else "ok"
    return f"{one.kernel:24}{one.function:20}{figures}  {state}"


if __name__ == "__main__":
    sys.exit(main())
