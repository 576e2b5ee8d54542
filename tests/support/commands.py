"""``sovgate`` commands in this process, where nothing has to be imported again: 2 s of CPU each."""

import io
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

from gateway.cli.main import main


@dataclass(frozen=True)
class CommandResult:
    """How a command ended."""

    status: int
    output: str
    errors: str


def run_command(*arguments: str, env: Mapping[str, str]) -> CommandResult:
    """Run ``sovgate`` with these arguments; ``env`` is added to the environment.

    Not to be called from within an event loop: commands run their own.
    """
    out, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    status = 0
    with (
        patch.dict(os.environ, env),
        patch.object(sys, "argv", ["sovgate", *arguments]),
        redirect_stdout(out),
        redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return CommandResult(status, _text(out), _text(errors))


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()
