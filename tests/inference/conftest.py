"""The demo checkpoint (made once per run), tiny random checkpoints, and a real server."""

import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the helper modules beside this file

from scripted_v4 import make_scripted_v4
from tiny_models import MAKERS, make_tiny
from worker_process import run_cli, serving


@pytest.fixture(scope="session")
def demo_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The converted SmolLM2 checkpoint; ``SOVGATE_TEST_MODEL_DIR`` names one to use instead."""
    given = os.environ.get("SOVGATE_TEST_MODEL_DIR")
    if given:
        return Path(given)
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    out = shared / "demo-model" / "smollm2-moe"
    out.parent.mkdir(exist_ok=True)
    with (shared / "demo-model.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (out / "model.sig").exists():
            done = run_cli("model", "convert", "--out", str(out), "--json")
            assert done.returncode == 0, done.stderr
    return out


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
