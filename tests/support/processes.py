"""Start a server as a process of its own, wait until it is ready, always stop it."""

import ctypes
import os
import pwd
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ServerProcess:
    """A running server and the file that holds what it printed."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def output(self) -> str:
        """What it has printed so far, both streams together."""
        return self.log.read_text("utf-8", "replace")


class NotReady(Exception):
    """A server died, or was not ready in time; holds the end of its output."""


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago.

    Below the range that the kernel hands to outgoing connections, any of which
    could take the port before the server does.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def answers(url: str) -> Callable[[], bool]:
    """A readiness check: a GET of ``url`` answers 2xx."""

    def ready() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                return 200 <= response.status < 300
        except (urllib.error.URLError, OSError):
            return False

    return ready


def accepts(port: int) -> Callable[[], bool]:
    """A readiness check: something accepts connections on the loopback port."""

    def ready() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    return ready


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    ready: Callable[[], bool],
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    user: str | None = None,
    timeout: float = 60.0,
    stop_signal: int = signal.SIGTERM,
) -> Iterator[ServerProcess]:
    """Run ``command`` for the length of the block.

    Args:
        ready: polled until true; see ``answers`` and ``accepts``.
        log: file for standard output and error.
        env: added to this process's environment.
        user: account to run as, for servers that refuse root.
        timeout: seconds to become ready, and again to stop before it is killed.

    Raises:
        NotReady: with the end of the server's output.
    """
    identity = account(user)
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [os.fspath(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            user=identity.user,
            group=identity.group,
            extra_groups=identity.extra_groups,
            start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
    server = ServerProcess(process, log)
    try:
        wait_ready(server, ready, timeout)
        yield server
    finally:
        stop(process, stop_signal=stop_signal, timeout=timeout)


def stop(
    process: subprocess.Popen[Any], *, stop_signal: int = signal.SIGTERM, timeout: float = 30.0
) -> int:
    """Ask it to stop, kill it when it does not; its exit status."""
    if process.poll() is None:
        process.send_signal(stop_signal)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def family(pid: int) -> list[int]:
    """A process and all that it has started, the eldest first."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it has ended
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for member in found:
        found += parents.get(member, [])
    return found


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """Stop a process and all that it has started (SIGSTOP), for the length of the block:
    connections stay open, nothing is answered."""
    members = family(pid)
    for member in members:
        os.kill(member, signal.SIGSTOP)
    try:
        yield
    finally:
        for member in members:
            with suppress(ProcessLookupError):
                os.kill(member, signal.SIGCONT)


class Account(NamedTuple):
    """What ``subprocess`` needs to become a user whole, groups included."""

    user: int | None = None
    group: int | None = None
    extra_groups: list[int] | None = None


def account(user: str | None) -> Account:
    """The account of that name; for ``None`` the present one."""
    if user is None:
        return Account()
    entry = pwd.getpwnam(user)
    return Account(entry.pw_uid, entry.pw_gid, [])


def wait_ready(server: ServerProcess, ready: Callable[[], bool], timeout: float) -> None:
    """Raises ``NotReady`` as ``running`` does."""
    deadline = time.monotonic() + timeout
    while True:
        is_ready = ready()
        status = server.process.poll()
        if status is not None:  # also where something else answers on its port
            raise NotReady(f"exited with {status} before it was ready:\n{server.output()[-4000:]}")
        if is_ready:
            return
        if time.monotonic() > deadline:
            raise NotReady(f"not ready after {timeout} s:\n{server.output()[-4000:]}")
        time.sleep(0.02)


def die_with_parent() -> None:
    """In a new process: a killed test run must not leave servers behind."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
