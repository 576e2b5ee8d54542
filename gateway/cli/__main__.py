"""``python -m gateway.cli`` is ``sovgate``."""

from gateway.cli import main

main()
