"""``sovgate`` whose garbage collector can be stopped, to see what only it would free.

    SOVGATE_TEST_ALIVE=FILE python -m support.uncollected_gateway serve ...

``SIGUSR1`` stops it and writes how many requests' state is in memory into the file.
"""

import gc
import os
import signal
from pathlib import Path

from gateway.cli.main import app
from gateway.exchange import Exchange


def main() -> None:
    file = Path(os.environ["SOVGATE_TEST_ALIVE"])

    def tell(*_: object) -> None:
        gc.disable()
        file.write_text(str(sum(isinstance(each, Exchange) for each in gc.get_objects())))

    signal.signal(signal.SIGUSR1, tell)
    app()


if __name__ == "__main__":
    main()
