"""Keep heavy libraries out of the gateway's process.

thinc (spaCy's numerics) and Presidio import torch when it is installed beside them, for engines
that we do not use: 200 MB and seconds at start. Presidio's package also imports its engine, its
registry and spaCy (77 MB, 1.3 seconds) for anybody who wants the class of a recognizer.
"""

import ast
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

_LOCK = threading.RLock()
# What a recognizer needs: no engine, no registry, no spaCy.
PRESIDIO_LIGHT = frozenset(
    {
        "analysis_explanation",
        "entity_recognizer",
        "local_recognizer",
        "pattern",
        "pattern_recognizer",
        "recognizer_result",
        "score_thresholds",
    }
)


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


def lazily(package: str, light: frozenset[str]) -> None:
    """From now on importing ``package`` imports none of its modules.

    Names stay importable from it. As soon as a module that is not ``light`` is wanted, all that
    the package's ``__init__`` names are imported in its order, which its import cycles rely on.
    A package that is loaded already stays as it is.
    """
    if not any(isinstance(f, _LazyFinder) and f.package == package for f in sys.meta_path):
        sys.meta_path.insert(0, _LazyFinder(package, light))


class _LazyFinder(MetaPathFinder):
    def __init__(self, package: str, light: frozenset[str]) -> None:
        self.package = package
        self._light = light
        self._homes: dict[str, str] = {}  # name -> module, in the order of the package
        self._complete = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == self.package:
            spec = PathFinder.find_spec(fullname, path, target)
            if spec is not None and spec.origin is not None:
                self._homes = _homes(Path(spec.origin))
                spec.loader = _LazyLoader(self._homes)
            return spec
        if self._homes and not self._complete and self._is_heavy(fullname):
            self._complete = True
            for home in dict.fromkeys(self._homes.values()):
                import_module(home)
            if fullname in sys.modules:
                return spec_from_loader(fullname, _Loaded(sys.modules[fullname]))
        return None

    def _is_heavy(self, fullname: str) -> bool:
        parts = fullname.split(".")
        return parts[0] == self.package and len(parts) > 1 and parts[1] not in self._light


def _homes(origin: Path) -> dict[str, str]:
    """Which module each name of a package comes from, as its source says."""
    return {
        alias.asname or alias.name: statement.module
        for statement in ast.parse(origin.read_text(encoding="utf-8")).body
        if isinstance(statement, ast.ImportFrom) and statement.module
        for alias in statement.names
    }


class _LazyLoader(Loader):
    """Makes a package without running it; its names are looked up when they are used."""

    def __init__(self, homes: dict[str, str]) -> None:
        self._homes = homes

    def exec_module(self, module: ModuleType) -> None:
        def attribute(name: str) -> Any:
            if name not in self._homes:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            found = getattr(import_module(self._homes[name]), name)
            setattr(module, name, found)
            return found

        vars(module).update(__getattr__=attribute, __all__=sorted(self._homes))


class _Loaded(Loader):
    """A module that came in while it was looked for."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """It has run."""
