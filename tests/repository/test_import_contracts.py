"""The import contracts bite: a forbidden import, planted in a copy, is found."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.repository import PACKAGES, ROOT

_PLANTED = {
    "core/knows_gateway.py": "import gateway.errors",
    "guardrails/knows_money.py": "import billing.errors",
    "billing/knows_engine.py": "import inference.cli",
    "gateway/loads_torch.py": "import torch",
    "guardrails/loads_torch_late.py": "def load():\n    import torch\n    return torch",
    "gateway/knows_engine.py": "import inference.errors",
    "gateway/sends_around.py": "from gateway.upstreams.openai import OpenAiUpstream",
    "billing/serves_http.py": "import fastapi",
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("contracts")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, target / package, ignore=_only_python)
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def test_the_code_keeps_the_contracts(copied: Path) -> None:
    finished = _lint(copied)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_planted_imports_are_found(copied: Path) -> None:
    for path, statement in _PLANTED.items():
        (copied / path).write_text(f"{statement}\n")
    finished = _lint(copied)
    modules = {path.removesuffix(".py").replace("/", ".") for path in _PLANTED}
    missed = {module for module in modules if module not in finished.stdout}
    assert (finished.returncode, missed) == (1, set()), finished.stdout + finished.stderr


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
