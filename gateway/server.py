"""Runs the application under uvicorn: plain, with graceful shutdown and no access log."""

import uvicorn

from gateway.log import configure_logging
from gateway.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; running streams get ``server.shutdown_grace_s`` to finish."""
    from gateway.app import create_app

    configure_logging()
    config = uvicorn.Config(
        create_app(settings),
        host=settings.server.host,
        port=settings.server.port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=settings.server.shutdown_grace_s,
        timeout_keep_alive=75,
    )
    server = uvicorn.Server(config)
    server.run()
    if not server.started:
        raise SystemExit(3)
