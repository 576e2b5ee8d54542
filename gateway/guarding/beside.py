"""A process beside the gateway that looks at long texts.

Detectors are Python and numpy: a megabyte of text would hold this process's interpreter for
seconds while other requests wait for it. Short texts are not worth the way to another process
and back. The process starts with the first long text, and one that dies denies what it was
looking at and is replaced.
"""

import asyncio
import ctypes
import functools
import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from guardrails.detectors import Detectors, Finding, Task
from guardrails.errors import GuardUnavailable
from guardrails.pii.engine import NameEngine

_PR_SET_PDEATHSIG = 1


class BesideProcess:
    """Runs tasks in worker processes.

    Args:
        processes: how many work at the same time.
        ner, model: who finds names there.
    """

    def __init__(
        self, processes: int = 1, ner: NameEngine = "sovgate", model: Path | None = None
    ) -> None:
        self._processes = processes
        self._names = (ner, model)
        self._pool: ProcessPoolExecutor | None = None

    async def run(self, tasks: list[Task]) -> list[Finding]:
        """Do all tasks in one process, in order.

        Raises:
            GuardUnavailable: a detector failed, or the process died.
        """
        pool = self._pool = self._pool or self._start()
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, _run, tasks, *self._names)
        except BrokenProcessPool:
            if self._pool is pool:
                self._pool = None
                pool.shutdown(wait=False)
            raise GuardUnavailable(
                "The process that inspects long texts ended, so the request was not let through;"
                " try again, or send less text at once."
            ) from None

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        # Not forked: a copy of a process with threads may hold a lock that nobody releases.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._processes, mp_context=context, initializer=_prepare)


def _prepare() -> None:
    """In the new process: leave Ctrl-C to the gateway, and do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@functools.cache
def _detectors(ner: NameEngine, model: Path | None) -> Detectors:
    return Detectors.load(ner, model)


def _run(tasks: list[Task], ner: NameEngine, model: Path | None) -> list[Finding]:
    detectors = _detectors(ner, model)
    return [detectors.run(task) for task in tasks]
