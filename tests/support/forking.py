"""Gateways forked from a process that has loaded all there is to load: up in half a second.

For tests that need a gateway of their own, and rigs that start and kill them hundreds of times,
where importing and loading would be nearly all that they do. A forked gateway runs
``gateway.server.serve``, as ``sovgate serve`` does; only its detectors are those that its parent
has loaded.

    python -m support.forking NER      takes orders, one JSON object a line: {"config", "log",
                                       "env"}, or {"status": PID}
"""

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from support.processes import ROOT, ServerProcess, die_with_parent, stop, wait_ready


class Forker:
    """The parent of gateways, as a process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._asking = threading.Lock()

    def start(
        self, config: Path, log: Path, env: Mapping[str, str] | None = None
    ) -> psutil.Process:
        """Fork a gateway; it appends what it prints to ``log``. Returns before it is ready.

        ``env``: its whole environment; by default its parent's.
        """
        order = {"config": str(config), "log": str(log), "env": dict(env) if env else None}
        return psutil.Process(int(self._ask(order)))

    def status(self, pid: int) -> int | None:
        """How a gateway has ended, as ``Popen.poll`` has it."""
        return json.loads(self._ask({"status": pid}))

    def wait_loaded(self) -> None:
        assert self._read() == "loaded"

    def _ask(self, order: Mapping[str, object]) -> str:
        assert self._process.stdin is not None
        with self._asking:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return self._read()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the parent of the gateways has ended; its standard error says why"
        return line


class ForkedProcess:
    """A forked gateway, with as much of ``subprocess.Popen`` as tests use."""

    def __init__(self, parent: Forker, pid: int) -> None:
        self.pid = pid
        self._parent = parent
        self._status: int | None = None

    def poll(self) -> int | None:
        if self._status is None:
            self._status = self._parent.status(self.pid)
        return self._status

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("forked gateway", timeout or 0)
            time.sleep(0.02)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@contextmanager
def forked(
    config: Path,
    log: Path,
    env: Mapping[str, str],
    *,
    ready: Callable[[], bool],
    timeout: float = 60.0,
) -> Iterator[ServerProcess]:
    """A gateway forked from this process's one parent; arguments as ``processes.running``'s."""
    log.write_bytes(b"")
    parent = _parent()
    process = ForkedProcess(parent, parent.start(config, log, {**os.environ, **env}).pid)
    server = ServerProcess(process, log)  # type: ignore[arg-type]
    try:
        wait_ready(server, ready, timeout)
        yield server
    finally:
        stop(process, timeout=timeout)  # type: ignore[arg-type]


@functools.cache
def _parent() -> Forker:
    """Lives as long as this process."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(forker({}, "sovgate"))


@contextmanager
def forker(env: Mapping[str, str], ner: str = "none") -> Iterator[Forker]:
    """A parent that gateways are forked from; ``env`` is added to this process's environment.

    Its input ends with whoever has started it, and then it ends, and its gateways with it.

    ``ner``: the ``guards.ner`` of the gateways to come; others load their own.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "support.forking", ner],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={
            **os.environ,
            **env,
            "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}",
            "OPENBLAS_NUM_THREADS": "1",  # a process that is forked must have no threads
        },
    )
    parent = Forker(process)
    try:
        parent.wait_loaded()
        yield parent
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        stop(process)


def main() -> None:
    import gateway.app
    import gateway.server
    from guardrails.detectors import Detectors

    assert gateway.app, "imported for what it brings"
    ended: dict[int, int] = {}
    signal.signal(signal.SIGCHLD, lambda *_: _reap(ended))  # no zombies
    Detectors.load = functools.cache(Detectors.load)  # type: ignore[method-assign]
    Detectors.load(sys.argv[1])  # type: ignore[arg-type]
    print("loaded", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "status" in order:
            print(json.dumps(ended.get(order["status"])), flush=True)
            continue
        child = os.fork()
        if child == 0:
            _become(Path(order["config"]), Path(order["log"]), order["env"])
        print(child, flush=True)


def _reap(ended: dict[int, int]) -> None:
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = os.waitstatus_to_exitcode(found[1])


def _become(config: Path, log: Path, env: dict[str, str] | None) -> None:
    """In the fork: a gateway, and nothing of the parent's."""
    from gateway.server import serve

    if env is not None:
        os.environ.clear()
        os.environ.update(env)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    if sys.platform == "linux":
        die_with_parent()
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (sink, 1), (sink, 2)):
        os.dup2(source, target)
    status = 1
    try:
        serve(config)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
