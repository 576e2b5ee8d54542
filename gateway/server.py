"""Runs the application under uvicorn: bounded, graceful shutdown, no access log, N processes."""

import ctypes
import gc
import os
import signal
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from gateway.http.wire import WireLimits, WireProtocol
from gateway.log import configure_logging
from gateway.private import create_private_files
from gateway.settings import ServerSettings, Settings, load_settings

_M_ARENA_MAX = -8
_FACTORY = "gateway.app:create_app_from_environment"


def serve(config: Path) -> None:
    """Serve until SIGINT or SIGTERM; running streams get ``server.shutdown_grace_s`` to finish.

    Raises:
        SettingsError: the configuration is not valid.
    """
    settings = load_settings(config)
    # Worker processes import the application and read the same file.
    os.environ["SOVGATE_CONFIG"] = str(config.resolve())
    configure_logging()
    create_private_files()
    _bound_arenas()
    if settings.server.workers > 1:
        # Before the library is imported, here and in the workers: gateway/metrics.py.
        with tempfile.TemporaryDirectory(prefix="sovgate-metrics-") as folder:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
            workers = settings.server.workers
            uvicorn.run(_FACTORY, factory=True, workers=workers, **_options(settings))
        return
    from gateway.app import create_app

    gc.freeze()  # modules stay, so that the collection at the end passes them by
    server = uvicorn.Server(uvicorn.Config(create_app(settings), **_options(settings)))
    # uvicorn raises the signal that stopped it once more when all is done; a stop that
    # was asked for is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run()
    if not server.started:
        raise SystemExit(1)


def _bound_arenas() -> None:
    """glibc gives every thread a heap of its own and keeps what each once held; two do."""
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")  # for processes that are started from here
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)


def _options(settings: Settings) -> dict[str, Any]:
    server = settings.server
    return {
        "host": server.host,
        "port": server.port,
        "loop": "uvloop",
        "http": partial(WireProtocol, limits=_limits(server)),
        "ws": "none",
        "lifespan": "on",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "date_header": False,
        "timeout_graceful_shutdown": server.shutdown_grace_s,
        "timeout_keep_alive": 75,
        # Said in either case: by default uvicorn believes whoever connects from this machine.
        "proxy_headers": bool(server.trusted_proxies),
        "forwarded_allow_ips": list(server.trusted_proxies),
    }


def _limits(server: ServerSettings) -> WireLimits:
    return WireLimits(
        connections=server.max_connections,
        head_bytes=server.max_header_bytes,
        head_s=server.header_timeout_s,
        body_s=server.body_timeout_s,
        write_s=server.write_timeout_s,
    )
