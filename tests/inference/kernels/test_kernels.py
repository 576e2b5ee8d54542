"""Triton kernels without a device: under the interpreter, and compiled ahead of time.

The interpreter has a process of its own, since Triton decides at import whether it is used.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from inference.kernels.cuda import compiled, device
from inference.kernels.cuda.catalogue import kernel, kernels

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
COMPILED = ("rms_norm", "combine")  # `make check-kernels`: all of them


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_kernels_equal_their_references_under_the_interpreter() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--assert=plain", str(HERE / "interpreted")]  # rewriting takes seconds
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:]
    assert re.search(r"\b[1-9]\d* passed\b", done.stdout)


def test_what_was_compiled_is_as_it_stands_and_fits_every_chip() -> None:
    again = "python -m inference.kernels.cuda.compile --write --kernel NAME makes it anew"
    assert compiled.outdated(kernels()) == [], again
    found = compiled.read()
    assert {one.architecture: one.problem for one in found if one.problem} == {}
    assert all(one.registers for one in found)


def test_a_fingerprint_is_of_all_that_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    one = kernel("rms_norm").compilations[0]
    known = compiled.fingerprint(one, ["sm_90"])
    assert (
        compiled.fingerprint(replace(one, constants={**one.constants, "WIDTH": 7}), ["sm_90"])
        != known
    )
    tuned = replace(one, tuned="router")
    assert compiled.fingerprint(tuned, ["sm_90"]) != compiled.fingerprint(tuned, ["sm_80"])
    inner = kernel("quantise_rows").compilations[0]
    before = compiled.fingerprint(inner, [])
    monkeypatch.setattr(device.encode_e4m3, "_src", device.encode_e4m3.src.replace("448", "other"))
    assert compiled.fingerprint(inner, []) == before  # a comment
    monkeypatch.setattr(device.encode_e4m3, "_src", device.encode_e4m3.src.replace("0x7F", "0x7E"))
    assert compiled.fingerprint(inner, []) != before


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_compiling_again_takes_what_is_written_down(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inference.kernels.cuda.compile", "--json"]
    environment = os.environ | {"TRITON_CACHE_DIR": str(tmp_path)}
    environment.pop("TRITON_INTERPRET", None)
    done = subprocess.run(
        [*command, "--processes", "1", "--kernel", *COMPILED],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    found = [compiled.Resources(**one) for one in json.loads(done.stdout)]
    kept = [one for one in compiled.read() if one.kernel in COMPILED]
    assert sorted(found, key=repr) == sorted(kept, key=repr)
    assert len(found) == 12
