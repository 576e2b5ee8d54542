"""`make help` names every target, and CI runs what a developer runs."""

import re
import subprocess

from support.order import LONGEST
from support.repository import ROOT

_MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def _targets() -> set[str]:
    phony = re.search(r"^\.PHONY: (.+)$", _MAKEFILE, re.MULTILINE)
    assert phony is not None
    return set(phony[1].split())


def test_help_names_every_target() -> None:
    printed = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert {line.split()[1] for line in printed.splitlines()} == _targets()


def test_the_promised_targets_exist() -> None:
    assert {"setup", "run", "test", "lint", "bench", "ui", "clean", "help"} <= _targets()


def test_what_goes_first_is_there() -> None:
    assert [file for file in LONGEST if not (ROOT / file).is_file()] == []


def test_continuous_integration_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert script.read_text("utf-8").rstrip().endswith("make test")
