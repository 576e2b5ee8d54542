"""Program text without names: pieces of the Python standard library (PSF licence)."""

import random
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from guardrails.pii.names.training.examples import ALL, Example

_SKIPPED: Final = (
    "test",
    "idlelib",
    "site-packages",
    "encodings",
    "this.py",
    "lib2to3",
    "turtledemo",
)
# Lines that may hold a name after all.
_NAMED: Final = re.compile(
    r"author|copyright|@|written|thanks|maintain|contribut|credit|licen|example|from .+ import|"
    r"python|unix|windows|microsoft|apple|mac|bsd|rfc|knuth|van rossum|guido|'s ", re.IGNORECASE
)  # fmt: skip


def program_text(generator: random.Random, count: int) -> Iterator[Example]:
    """``count`` pieces of two to nine lines."""
    root = Path(sysconfig.get_paths()["stdlib"])
    files = [
        path for path in sorted(root.rglob("*.py"))
        if not any(part in str(path.relative_to(root)) for part in _SKIPPED)
    ]  # fmt: skip
    for path in generator.choices(files, k=count):
        lines = path.read_text("utf-8", "replace").splitlines()
        start = generator.randrange(max(len(lines) - 9, 1))
        piece = [
            line
            for line in lines[start : start + generator.randint(2, 9)]
            if not _NAMED.search(line)
        ]
        if piece:
            yield Example("\n".join(piece)[:600], (), ALL - {"DATE_TIME"}, "stdlib", "en")
