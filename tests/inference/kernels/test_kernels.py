"""Triton kernels without a device: under the interpreter, and compiled ahead of time.

Each in a process of its own, since Triton decides at import whether functions are interpreted.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
COMPILED = ("sm_90",)  # `make check-kernels`: four chips, every specialisation


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_kernels_equal_their_references_under_the_interpreter() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", HERE / "interpreted"]
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:]
    assert re.search(r"\b[1-9]\d* passed\b", done.stdout)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_kernels_compile_without_spilling_registers(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inference.kernels.cuda.compile", "--quick", "--json"]
    environment = os.environ | {"TRITON_CACHE_DIR": str(tmp_path)}
    environment.pop("TRITON_INTERPRET", None)
    done = subprocess.run(
        [*command, "--arch", *COMPILED], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    found = json.loads(done.stdout)
    assert [one for one in found if one["error"] or one["spills"]] == []
    assert {one["architecture"] for one in found} == set(COMPILED)
    assert all(one["registers"] for one in found)
