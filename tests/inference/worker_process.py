"""Worker processes for tests: the command line, and a server that is ready."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def run_cli(app: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """One of the two Typer apps of `inference.cli` in a process of its own."""
    return subprocess.run(
        cli_command(app, *arguments),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=110,
        check=False,
        **options,
    )


def cli_command(app: str, *arguments: str) -> list[str]:
    code = f"from inference.cli import {app}_app as app; app()"
    return [sys.executable, "-c", code, *arguments]


@contextmanager
def serving(model: Path, *arguments: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A worker process; yields its base URL when it is ready, and ends it."""
    command = cli_command("worker", "serve", "--model", str(model), "--port", "0", *arguments)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            assert process.stderr is not None
            pytest.fail(process.stderr.read())
        try:
            yield json.loads(line)["url"], process
        finally:
            process.terminate()
            process.wait(30)
