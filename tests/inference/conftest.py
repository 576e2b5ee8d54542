"""Tiny random checkpoints, and a real server."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the helper modules beside this file

from scripted_v4 import make_scripted_v4
from tiny_models import MAKERS, make_tiny
from worker_process import serving


@pytest.fixture(scope="session")
def worker_url(demo_model: Path) -> Iterator[str]:
    aliases = ("--alias", "sov-pro=8", "--alias", "sov-flash=7", "--alias", "sov-share=60%")
    with serving(demo_model, *aliases, "--name", "smollm2-moe") as (url, _):
        yield url


@pytest.fixture(scope="session")
def scripted_v4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DeepSeek-V4 checkpoint that says what it is told."""
    return make_scripted_v4(tmp_path_factory.mktemp("scripted"))


@pytest.fixture(scope="session", params=sorted(MAKERS))
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(directory, transformers model) of a tiny random checkpoint, float32."""
    return make_tiny(request.param, tmp_path_factory.mktemp(request.param))
