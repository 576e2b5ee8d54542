"""``sovgate``: the command line of the whole product."""

from gateway.cli.main import app, main

__all__ = ["app", "main"]
