"""A process beside rank 0: ``python -m inference.parallel PLAN STORE RANK``."""

import os
import sys
import threading
from pathlib import Path

from inference.parallel.plan import Plan
from inference.parallel.process import join_and_follow


def _end_with_parent() -> None:
    while os.read(0, 1):  # to the end of the pipe, which is the parent's
        pass
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    join_and_follow(Plan.from_json(sys.argv[1]), int(sys.argv[3]), Path(sys.argv[2]))
