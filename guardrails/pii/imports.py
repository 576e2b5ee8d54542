"""Keep heavy libraries out of the gateway's process.

thinc (spaCy's numerics) and Presidio import torch when it is installed beside them, for engines
that we do not use: 200 MB and seconds at start.
"""

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_LOCK = threading.RLock()


class _Absent(MetaPathFinder):
    """Says that some top-level modules are not installed."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"{fullname} is kept out of this process", name=fullname)
        return None


@contextmanager
def without_modules(*names: str) -> Iterator[None]:
    """Within the block these modules cannot be imported anew; loaded ones stay usable."""
    finder = _Absent(frozenset(names))
    with _LOCK:
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)
