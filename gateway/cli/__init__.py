"""``sovgate``: the command line of the whole product."""

import gc
import os

# Hundreds of thousands of objects are about to be made that stay: looking through them again and
# again took a sixth of a start. The gateway goes back to the usual when it is ready.
gc.set_threshold(1_000_000, 50, 50)
# Before numpy is imported anywhere: the guards multiply small matrices, and the threads that
# OpenBLAS would start for them cost several times what they save.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from gateway.cli.main import app, main  # noqa: E402 - what stands above is for it

__all__ = ["app", "main"]
