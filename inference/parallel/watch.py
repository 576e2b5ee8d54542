"""A thread that looks after something, once in a while, until it is told to stop."""

import threading
from collections.abc import Callable


class Watch:
    """Calls ``look`` every ``seconds``; ``look`` answers for its own errors."""

    def __init__(self, look: Callable[[], None], seconds: float) -> None:
        self._look, self._seconds = look, seconds
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="parallel-watch", daemon=True).start()

    def stop(self) -> None:
        """No more looks; one that runs goes on to its end."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            self._look()
