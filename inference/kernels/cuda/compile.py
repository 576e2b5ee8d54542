"""Compiles every kernel for chips that are not here, and reports what each takes.

    python -m inference.kernels.cuda.compile [--arch sm_90 ...] [--kernel NAME ...] [--json]

Exit code 1 when one does not compile or spills registers. NVIDIA's figures are those of
``cuobjdump -res-usage`` (bundled with Triton), AMD's those of the code object's own metadata.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from inference.kernels.cuda.catalogue import kernels
from inference.kernels.cuda.tuning import configuration
from inference.kernels.triton_common.spec import Compilation, KernelSpec

ARCHITECTURES = ("sm_80", "sm_90", "sm_100", "gfx942")
"""What every kernel is compiled for ahead of time."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a compiled function takes of a chip; ``spills``: bytes on NVIDIA, registers on AMD."""

    kernel: str
    function: str
    architecture: str
    registers: int
    spills: int
    shared_bytes: int
    error: str = ""


def compile_for(kernel: str, compilation: Compilation, architecture: str) -> Resources:
    """Compile one specialisation; a failure is in ``error``."""
    name = compilation.function.__name__
    try:
        built = _compile(compilation, architecture)
    except Exception as error:  # Triton's compilers raise anything; the report says what
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return Resources(kernel, name, architecture, 0, 0, 0, error="\n".join(lines[-12:]))
    read = _nvidia_usage if architecture.startswith("sm_") else _amd_usage
    registers, spills = read(built.asm)
    return Resources(kernel, name, architecture, registers, spills, built.metadata.shared)


def _compile(compilation: Compilation, architecture: str) -> Any:
    import triton
    from triton.compiler import ASTSource

    settings = dict(compilation.constants)
    if compilation.tuned:
        settings |= configuration(compilation.tuned, architecture, compilation.rows)
    names = compilation.function.arg_names
    constants = {key: value for key, value in settings.items() if key in names}
    options = {key: value for key, value in settings.items() if key not in names}
    source = ASTSource(
        fn=compilation.function,
        signature={n: compilation.signature.get(n, "constexpr") for n in names},
        constexprs=constants,
        attrs={
            (index,): [["tt.divisibility", 16]]
            for index, name in enumerate(names)
            if compilation.signature.get(name, "").startswith("*") or name in compilation.divisible
        },
    )
    return triton.compile(source, target=_target(architecture), options=options)


def _target(architecture: str) -> Any:
    from triton.backends.compiler import GPUTarget

    if architecture.startswith("sm_"):
        return GPUTarget("cuda", int(architecture.removeprefix("sm_")), 32)
    return GPUTarget("hip", architecture, 64)


def _nvidia_usage(asm: Any) -> tuple[int, int]:
    """Registers, and bytes of stack and local memory, a thread's."""
    import triton

    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(asm["cubin"])
        file.flush()
        done = subprocess.run(
            [tool, "-res-usage", file.name], capture_output=True, text=True, check=True
        )
    usage = dict(re.findall(r"\b(REG|STACK|LOCAL):(\d+)", done.stdout))
    return int(usage["REG"]), int(usage["STACK"]) + int(usage["LOCAL"])


def _amd_usage(asm: Any) -> tuple[int, int]:
    """Vector registers, and vector and scalar registers that were spilled."""
    found = dict(re.findall(r"\.((?:vgpr|sgpr_spill|vgpr_spill)_count):\s+(\d+)", asm["amdgcn"]))
    return int(found["vgpr_count"]), int(found["vgpr_spill_count"]) + int(found["sgpr_spill_count"])


def compile_all(
    architectures: list[str],
    names: list[str] | None = None,
    processes: int = 2,
    *,
    quick: bool = False,
) -> Iterator[Resources]:
    """Every specialisation of the kernels (of those in ``names``), for every architecture.

    Args:
        quick: of each function of a kernel its first specialisation only.
    """
    wanted = [
        (spec.name, index, architecture)
        for spec in kernels()
        if not names or spec.name in names
        for index in (_firsts(spec) if quick else range(len(spec.compilations)))
        for architecture in architectures
    ]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_one, wanted)


def _firsts(spec: KernelSpec) -> list[int]:
    functions = [compilation.function for compilation in spec.compilations]
    return [at for at, function in enumerate(functions) if function not in functions[:at]]


def _one(wanted: tuple[str, int, str]) -> Resources:
    name, index, architecture = wanted
    spec = next(spec for spec in kernels() if spec.name == name)
    return compile_for(name, spec.compilations[index], architecture)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--arch", nargs="+", default=list(ARCHITECTURES))
    parser.add_argument("--kernel", nargs="+")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="one specialisation a function")
    arguments = parser.parse_args()
    found = []
    for one in compile_all(arguments.arch, arguments.kernel, quick=arguments.quick):
        found.append(one)
        if not arguments.json:
            print(_line(one), flush=True)
    if arguments.json:
        print(json.dumps([asdict(one) for one in found]))
    return int(any(one.spills or one.error for one in found))


def _line(one: Resources) -> str:
    figures = f"{one.registers} registers, {one.spills} spilled, {one.shared_bytes} B shared"
    return f"{one.kernel:28}{one.function:28}{one.architecture:8}{one.error or figures}"


if __name__ == "__main__":
    sys.exit(main())
