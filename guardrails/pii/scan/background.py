"""A scanner that answers from its first call on and is fast some seconds later.

Reading hundreds of rules and building their automata takes seconds of a core. Until that is done
the rules run plainly, with the same findings.
"""

import ctypes
import logging
from collections.abc import Sequence
from threading import Thread

from guardrails.pii.recognizers.base import RuleRecognizer
from guardrails.pii.scan.scanner import Hit, PlainScanner, RuleScanner, Scanner

_log = logging.getLogger(__name__)


class BackgroundScanner:
    """``PlainScanner`` first, ``RuleScanner`` as soon as one is built."""

    def __init__(self, recognizers: Sequence[RuleRecognizer]) -> None:
        self._recognizers = tuple(recognizers)
        self._scanner: Scanner = PlainScanner(self._recognizers)
        self._builder = Thread(target=self._build, name="pii-automata", daemon=True)
        if self._recognizers:
            self._builder.start()

    def find(self, text: str, owners: frozenset[int]) -> list[Hit]:
        return self._scanner.find(text, owners)

    def wait(self, timeout: float | None = None) -> bool:
        """Until it is fast; ``False`` if it is not after ``timeout`` seconds."""
        if self._recognizers:
            self._builder.join(timeout)
        return isinstance(self._scanner, RuleScanner)

    def _build(self) -> None:
        try:
            self._scanner = RuleScanner(self._recognizers)
        except Exception:
            # Slow is better than denying: the plain scanner misses nothing.
            _log.exception("the automata of the rules could not be built; rules run plainly")
        _give_back_memory()


def _give_back_memory() -> None:
    """What building left behind, some megabytes, goes back to the system, where glibc can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
