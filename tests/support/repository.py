"""The repository seen as files, for tests of its rules."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "gateway", "guardrails", "billing", "inference", "migrations")


@cache
def tracked_files() -> tuple[Path, ...]:
    """What belongs to the repository: git's list, or everything where there is no git."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        names = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
        return tuple(path for path in names if path.is_file())
    built = {".venv", "node_modules", "dist", "build", "__pycache__", ".git"}
    files = (path for path in ROOT.rglob("*") if path.is_file())
    return tuple(path for path in files if not built & set(path.relative_to(ROOT).parts))


def python_files(*packages: str) -> list[Path]:
    """The Python files of these top-level folders."""
    return [
        path
        for path in tracked_files()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in packages
    ]
