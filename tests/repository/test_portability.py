"""Nothing in the repository names the machine that it was written on."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.repository import ROOT, tracked_files

# Built from parts, so that this file is not its own finding.
_MACHINE_PATHS = re.compile(
    "|".join(f"/{name}/" for name in ("work", "root", "Users")) + r"|/home/(?!sovgate/)[a-z]"
)
_REGISTRIES = re.compile(r"(pypi|pythonhosted|npmjs|npmmirror)\.(org|com)(?!\w)")
_LOCKS = ("requirements.lock", "package-lock.json")


def _texts() -> Iterator[tuple[Path, str]]:
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" not in content[:8192] and path != Path(__file__).resolve():
            yield path.relative_to(ROOT), content.decode("utf-8", "replace")


def test_no_paths_of_a_machine() -> None:
    found = [
        f"{path}: {match[0]}" for path, text in _texts() for match in _MACHINE_PATHS.finditer(text)
    ]
    assert found == []


def test_lock_files_name_no_registry() -> None:
    found = [
        f"{path}: {match[0]}"
        for path, text in _texts()
        if path.name in _LOCKS
        for match in _REGISTRIES.finditer(text)
    ]
    assert found == []


@pytest.mark.parametrize("text", ["see /wo" + "rk/x", "cd /ro" + "ot/.ssh", "/ho" + "me/me/x"])
def test_the_pattern_finds_such_paths(text: str) -> None:
    assert _MACHINE_PATHS.search(text)


def test_large_files_are_weights_only() -> None:
    """2 MB is plenty for text; only weights and the lock files may be larger than 512 KB."""
    large = [path.relative_to(ROOT) for path in tracked_files() if path.stat().st_size > 512 * 1024]
    allowed = {".npz", ".safetensors", ".lock", ".json"}
    assert [path for path in large if path.suffix not in allowed] == []
