"""Writes down every connection that a Python process and its children begin.

A folder from ``install`` on ``PYTHONPATH`` makes each of them import this at its start. Python's
audit events show what goes through ``socket``; uvloop connects and looks names up by itself, so
its methods are wrapped. One line each: process id, event, target.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_EVENTS = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"}
_FILE = "SOVGATE_TEST_EGRESS"
_LOOKUPS = {"getaddrinfo", "socket.getaddrinfo"}


def install(directory: Path) -> dict[str, str]:
    """The environment that has a process recorded into ``directory``/egress.log."""
    (directory / "sitecustomize.py").write_text("import support.egress_recorder as r; r.start()\n")
    return {
        "PYTHONPATH": os.pathsep.join((str(directory), str(Path(__file__).parents[1]))),
        _FILE: str(directory / "egress.log"),
    }


def recorded(directory: Path) -> list[tuple[int, str, str]]:
    """Process, event and ``host:port`` or name, in order."""
    lines = (directory / "egress.log").read_text("utf-8").splitlines()
    parts = (line.split(" ", 2) for line in lines)
    return [(int(pid), event, target) for pid, event, target in parts]


def is_lookup(event: str) -> bool:
    return event in _LOOKUPS


def start() -> None:
    """In the recorded process, before anything else runs."""
    descriptor = os.open(os.environ[_FILE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(event: str, target: str) -> None:
        os.write(descriptor, f"{os.getpid()} {event} {target}\n".encode())

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _EVENTS:
            write(event, _target(arguments if event in _LOOKUPS else arguments[1]))

    write("start", sys.argv[0] if sys.argv else "-")
    sys.addaudithook(hook)
    _wrap_uvloop(write)


def _wrap_uvloop(write: Callable[[str, str], None]) -> None:
    import uvloop

    def wrap(name: str) -> None:
        original = getattr(uvloop.Loop, name)

        def recorded(self: Any, *arguments: Any, **named: Any) -> Any:
            places = arguments if name in _LOOKUPS else arguments[1:]
            if places and places[0] is not None:
                write(name, _target(places))
            elif "remote_addr" in named:
                write(name, _target(named["remote_addr"]))
            return original(self, *arguments, **named)

        setattr(uvloop.Loop, name, recorded)

    for name in ("create_connection", "create_datagram_endpoint", "getaddrinfo"):
        wrap(name)


def _target(address: Any) -> str:
    if isinstance(address, tuple):
        return ":".join(str(part) for part in address[:2])
    return str(address)
