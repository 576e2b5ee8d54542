"""Compiles every kernel for chips that are not here, and reports what each takes.

    python -m inference.kernels.cuda.compile [--arch NAME ...] [--kernel NAME ...] [--json|--write]

Exit code 1 when one does not compile, spills registers or takes more shared memory than there is.
``--write`` keeps what was found (`compiled`), of all chips. NVIDIA's figures are those of
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
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from inference.kernels.cuda.catalogue import kernels
from inference.kernels.cuda.compiled import SHARED_BYTES, Resources, write
from inference.kernels.cuda.tuning import configuration
from inference.kernels.triton_common.spec import Compilation, KernelSpec

ARCHITECTURES = tuple(SHARED_BYTES)
"""What every kernel is compiled for ahead of time."""


def compile_for(spec: KernelSpec, index: int, architecture: str) -> Resources:
    """Compile one specialisation; a failure is in ``error``."""
    compilation = spec.compilations[index]
    of = (spec.name, index, compilation.function.__name__, architecture)
    try:
        built = _compile(compilation, architecture)
    except Exception as error:  # Triton's compilers raise anything; the report says what
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return Resources(*of, 0, 0, 0, error="\n".join(lines[-12:]))
    read = _nvidia_usage if architecture.startswith("sm_") else _amd_usage
    registers, spills = read(built.asm)
    return Resources(*of, registers, spills, built.metadata.shared)


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
    architectures: list[str], names: list[str] | None = None, processes: int = 2
) -> Iterator[Resources]:
    """Every specialisation of the kernels (of those in ``names``), for every architecture."""
    wanted = [
        (spec.name, index, architecture)
        for spec in kernels()
        if not names or spec.name in names
        for index in range(len(spec.compilations))
        for architecture in architectures
    ]
    if processes == 1:
        yield from map(_one, wanted)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_one, wanted)


def _one(wanted: tuple[str, int, str]) -> Resources:
    name, index, architecture = wanted
    spec = next(spec for spec in kernels() if spec.name == name)
    return compile_for(spec, index, architecture)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--arch", nargs="+", default=list(ARCHITECTURES))
    parser.add_argument("--kernel", nargs="+")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="keep what was found, of all chips")
    arguments = parser.parse_args()
    if arguments.write and set(arguments.arch) != set(ARCHITECTURES):
        parser.error("what is kept is of all chips; leave out --arch")
    found: list[Resources] = []
    for one in compile_all(arguments.arch, arguments.kernel, arguments.processes):
        found.append(one)
        if not arguments.json:
            print(_line(one), flush=True)
    if arguments.json:
        print(json.dumps([asdict(one) for one in found]))
    if arguments.write:
        write(kernels(), found)
    return int(any(one.problem for one in found))


def _line(one: Resources) -> str:
    figures = f"{one.registers} registers, {one.spills} spilled, {one.shared_bytes} B shared"
    problem = f" ({one.problem})" if one.problem else ""
    return f"{one.kernel:28}{one.function:28}{one.architecture:8}{figures}{problem}"


if __name__ == "__main__":
    sys.exit(main())
