"""The wheel holds the product and nothing else, and migrates a database where it is installed."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from support.repository import PACKAGES, ROOT, tracked_files

_TOP = {*PACKAGES, "sovgate-0.1.0.dist-info"}


def _libraries() -> list[Path]:
    """What `make setup` has built here of C, if there was a compiler."""
    return [path for package in PACKAGES for path in (ROOT / package).rglob("_native*.so")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # From a copy: setuptools leaves its build folder beside the sources.
    source = tmp_path_factory.mktemp("source")
    for path in tracked_files():
        name = path.relative_to(ROOT)
        if name.parts[0] in PACKAGES or name.name in {"pyproject.toml", "README.md", "LICENSE"}:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(path.read_bytes())
    # Newer than their sources, they are taken as they are: compiling them takes a minute.
    built = f"build/lib.{sysconfig.get_platform()}-{sys.implementation.cache_tag}"
    for path in _libraries():
        place = source / built / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, "--no-build-isolation", "-w", target, source], check=True)
    return next(target.glob("*.whl"))


def test_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.relative_to(ROOT).parts[0] in PACKAGES
    }
    wanted |= {str(path.relative_to(ROOT)) for path in _libraries()}
    assert wanted - held == set()
    assert {name.split("/")[0] for name in held} == _TOP


def test_installed_wheel_upgrades_a_database(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    config = tmp_path / "sovgate.yaml"
    config.write_text(
        f"data_dir: {tmp_path}/data\n"
        f"database: {{url: 'sqlite+aiosqlite:///{tmp_path}/data/sovgate.db'}}\n"
    )
    finished = subprocess.run(
        [sys.executable, "-P", "-m", "gateway.cli", "db", "upgrade", "--config", config],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "data" / "sovgate.db").stat().st_size > 50_000
