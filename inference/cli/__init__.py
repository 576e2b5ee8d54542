"""``sovgate model ...`` and ``sovgate worker ...``.

Imports torch only inside the commands that compute.
"""

from inference.cli.model import model_app
from inference.cli.worker import worker_app

__all__ = ["model_app", "worker_app"]
