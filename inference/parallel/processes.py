"""The other processes of a parallel worker on this machine: begun, watched, ended."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from torch.distributed import FileStore  # pyright: ignore[reportPrivateImportUsage]

from inference.errors import EngineFailed
from inference.parallel.plan import Plan

HERE = "here{rank}"  # what a process writes into the store when it has begun


def open_store(path: Path, plan: Plan) -> Any:
    """Where the processes of one machine meet; connections stay on the loopback."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    return FileStore(str(path), plan.layout.size)


class Processes:
    """Ranks 1 and up, each with a pipe that tells it when this process is gone.

    They meet in a file that only this account may read, and talk over the loopback.
    """

    def __init__(self, plan: Plan) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="sovgate-parallel-")
        path = Path(self._directory.name) / "store"
        self.store = open_store(path, plan)
        command = [sys.executable, "-m", "inference.parallel", plan.to_json(), str(path)]
        self._running: list[subprocess.Popen[Any]] = [
            subprocess.Popen([*command, str(rank)], stdin=subprocess.PIPE)
            for rank in range(1, plan.layout.size)
        ]

    def wait(self) -> None:
        """Until all of them are there.

        Raises:
            EngineFailed: one ended before; what it wrote says why.
        """
        here = [HERE.format(rank=rank) for rank in range(1, len(self._running) + 1)]
        while not self.store.check(here):
            if self.lost:
                raise EngineFailed("A process of the parallel worker did not start.")
            time.sleep(0.02)

    @property
    def lost(self) -> bool:
        """True when one has ended."""
        return any(process.poll() is not None for process in self._running)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._running]

    def close(self, timeout: float = 10.0) -> None:
        """Wait for them to end by themselves; end those that do not."""
        for process in self._running:
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
        self._reap()

    def kill(self) -> None:
        for process in self._running:
            process.kill()
        self._reap()

    def _reap(self) -> None:
        for process in self._running:
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
        self._directory.cleanup()
