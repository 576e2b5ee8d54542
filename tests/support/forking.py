"""Gateways forked from a process that has loaded all there is to load: up in half a second.

For rigs that start and kill gateways hundreds of times, where importing and loading would be
nearly all that they do. A forked gateway runs ``gateway.server.serve``, as ``sovgate serve``
does; only its detectors are those that its parent has loaded.

    python -m support.forking NER      takes orders, one JSON object a line: {"config", "log"}
"""

import functools
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from support.processes import ROOT, die_with_parent, stop


class Forker:
    """The parent of gateways, as a process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def start(self, config: Path, log: Path) -> psutil.Process:
        """Fork a gateway; it appends what it prints to ``log``. Returns before it is ready."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"config": str(config), "log": str(log)}) + "\n")
        self._process.stdin.flush()
        return psutil.Process(int(self._read()))

    def wait_loaded(self) -> None:
        assert self._read() == "loaded"

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the parent of the gateways has ended; its standard error says why"
        return line


@contextmanager
def forker(env: Mapping[str, str], ner: str = "none") -> Iterator[Forker]:
    """A parent that gateways are forked from; ``env`` is added to this process's environment.

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
        preexec_fn=die_with_parent if sys.platform == "linux" else None,
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
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies
    Detectors.load = functools.cache(Detectors.load)  # type: ignore[method-assign]
    Detectors.load(sys.argv[1])  # type: ignore[arg-type]
    print("loaded", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(Path(order["config"]), Path(order["log"]))
        print(child, flush=True)


def _become(config: Path, log: Path) -> None:
    """In the fork: a gateway, and nothing of the parent's."""
    from gateway.server import serve

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
