"""The demo checkpoint, converted once for all processes of a test run."""

import fcntl
import os
from pathlib import Path

import pytest

from gateway.demo import Demo, convert_model


def shared_demo_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As ``sovgate demo`` makes it, with its own function.

    ``SOVGATE_TEST_MODEL_DIR`` names one to use instead.
    """
    given = os.environ.get("SOVGATE_TEST_MODEL_DIR")
    if given:
        return Path(given)
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    demo = Demo(shared / "demo-model", 0, 0, "", {})
    demo.directory.mkdir(exist_ok=True)
    with (shared / "demo-model.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        convert_model(demo)
    return demo.model
