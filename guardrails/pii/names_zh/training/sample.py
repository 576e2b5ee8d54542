"""A labelled text, its written form, and what a tagger is judged by.

In writing, a name stands in braces after the letter of its kind: ``{P鲁迅}的故居在{L绍兴}``.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

KINDS: Final = {"P": "PERSON", "L": "LOCATION", "O": "ORGANIZATION"}
UNSURE: Final = "X"
IGNORED: Final = -1
LABELS: Final = ("O", *(f"{part}-{kind}" for kind in KINDS.values() for part in "BI"))
_NAME: Final = re.compile(r"\{([PLOX])([^{}]*)\}")


class Sample(NamedTuple):
    """A text and its names: (start, end, letter of the kind).

    ``UNSURE`` as the kind marks characters that nothing shall be learned from.
    """

    text: str
    names: tuple[tuple[int, int, str], ...]


class Score(NamedTuple):
    """Per character, whatever the kind."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


def parse(marked: str) -> Sample:
    """The sample of a marked text."""
    text, names, last = "", [], 0
    for match in _NAME.finditer(marked):
        text += marked[last : match.start()]
        names.append((len(text), len(text) + len(match[2]), match[1]))
        text += match[2]
        last = match.end()
    return Sample(text + marked[last:], tuple(names))


def read_marked(path: Path) -> list[Sample]:
    """Samples of a file, one a line."""
    return [parse(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def labels_of(sample: Sample) -> NDArray[np.int64]:
    """(n,) numbers of ``LABELS`` per character, ``IGNORED`` where the sample is unsure."""
    numbers = np.zeros(len(sample.text), np.int64)
    for start, end, letter in sample.names:
        if letter == UNSURE:
            numbers[start:end] = IGNORED
            continue
        begin = LABELS.index(f"B-{KINDS[letter]}")
        numbers[start:end] = begin + 1
        numbers[start] = begin
    return numbers


def score(
    samples: Sequence[Sample], found: Iterable[Iterable[tuple[int, int]]], letters: str = "PLO"
) -> Score:
    """Compare spans with the names of the samples.

    Args:
        letters: kinds whose recall is wanted; precision counts names of any kind as right.
    """
    hits = given = true = right = 0
    for sample, spans in zip(samples, found, strict=True):
        marked = np.zeros((2, len(sample.text)), np.bool_)
        for start, end, letter in sample.names:
            marked[0, start:end] = True
            marked[1, start:end] |= letter in letters
        covered = np.zeros(len(sample.text), np.bool_)
        for start, end in spans:
            covered[start:end] = True
        hits += int((covered & marked[1]).sum())
        true += int(marked[1].sum())
        right += int((covered & marked[0]).sum())
        given += int(covered.sum())
    return Score(right / max(given, 1), hits / max(true, 1))
