"""``sovgate demo``, ``serve`` and ``db``: running a deployment."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.options import ConfigOption

db_app = typer.Typer(help="The database.", no_args_is_help=True)


def demo(
    port: Annotated[
        int | None, typer.Option(envvar="PORT", help="TCP port of the gateway.")
    ] = None,
    directory: Annotated[
        Path, typer.Option(help="Where configuration, model and data are kept.")
    ] = Path(".sovgate"),
) -> None:
    """Start a fresh embedded deployment: gateway, one worker, two example tenants."""
    from gateway.demo import run

    run(directory, port)


def serve(config: ConfigOption = None) -> None:
    """Start the gateway that a configuration file describes."""
    leave_rich_out()
    from gateway.server import serve as serve_settings
    from gateway.settings import find_config

    serve_settings(find_config(config))


@db_app.command("upgrade")
def upgrade(config: ConfigOption = None) -> None:
    """Bring the database to this version; `serve` does it itself on the embedded database."""
    from core.database import Database
    from gateway.settings import load_settings
    from gateway.state import create_sqlite_folder
    from migrations import runner

    async def run() -> str | None:
        settings = load_settings(config)
        create_sqlite_folder(settings)
        database = Database(settings.database.url)
        try:
            await runner.upgrade(database)
            return await runner.current(database)
        finally:
            await database.dispose()

    print(f"The database is at revision {asyncio.run(run())}.")


def leave_rich_out() -> None:
    """structlog imports rich where it finds it, 80 modules and 5 MB, for tracebacks that the
    gateway does not print."""
    if "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog  # noqa: F401
    finally:
        del sys.modules["rich"]
