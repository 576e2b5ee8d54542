"""The import contracts bite: a forbidden import, planted in a copy, is found."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.repository import PACKAGES, ROOT

_PLANTED = {
    "core knows the gateway": ("core/planted.py", "import gateway.errors"),
    "guards know money": ("guardrails/planted.py", "import billing.errors"),
    "money knows the engine": ("billing/planted.py", "import inference.cli"),
    "the gateway loads torch": ("gateway/planted.py", "import torch"),
    "a guard loads torch in a function": (
        "guardrails/planted.py",
        "def load():\n    import torch\n    return torch",
    ),
    "the gateway reaches into the engine": ("gateway/planted.py", "import inference.planted"),
    "money serves HTTP": ("billing/planted.py", "import fastapi"),
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("contracts")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, target / package, ignore=_only_python)
    shutil.copy(ROOT / "pyproject.toml", target)
    (target / "inference" / "planted.py").write_text("")
    return target


@pytest.mark.parametrize(("path", "statement"), _PLANTED.values(), ids=_PLANTED.keys())
def test_planted_import_is_found(copied: Path, path: str, statement: str) -> None:
    planted = copied / path
    planted.write_text(f"{statement}\n")
    try:
        finished = _lint(copied)
    finally:
        planted.unlink()
    assert finished.returncode == 1, finished.stdout + finished.stderr
    assert planted.stem in finished.stdout


def test_the_copy_is_clean_before(copied: Path) -> None:
    finished = _lint(copied)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def _lint(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )


def _only_python(directory: str, names: list[str]) -> set[str]:
    return {
        name
        for name in names
        if not (Path(directory, name).is_dir() or name.endswith(".py")) or name == "__pycache__"
    }
