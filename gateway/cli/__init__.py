"""``sovgate``: the command line of the whole product."""

import os

# Before numpy is imported anywhere: the guards multiply small matrices, and the threads that
# OpenBLAS would start for them cost several times what they save.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from gateway.cli.main import app, main

__all__ = ["app", "main"]
