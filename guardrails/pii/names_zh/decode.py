"""Names of characters from probabilities of labels.

Which characters belong to a name at all is asked first, of all kinds together, since a character
that may be a place or an organisation is surely part of something. A run starts where that is
likely and takes in less likely neighbours, so that a name is not cut short; the kind of a whole
name is what its characters together say.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LIKELY: Final = 0.35
POSSIBLE: Final = 0.15


class FoundName(NamedTuple):
    """Characters ``start`` to ``end`` (exclusive); ``score`` is the network's, 0..1."""

    start: int
    end: int
    kind: str
    score: float


class NameDecoder:
    """Turns (n, L) probabilities into names.

    Args:
        labels: ``O``, ``B-KIND`` and ``I-KIND``, in the order of the network's columns.
    """

    def __init__(
        self, labels: Sequence[str], likely: float = LIKELY, possible: float = POSSIBLE
    ) -> None:
        self._kinds = tuple(dict.fromkeys(label[2:] for label in labels if label != "O"))
        self._outside = labels.index("O")
        self._begin = [labels.index(f"B-{kind}") for kind in self._kinds]
        self._inside = [labels.index(f"I-{kind}") for kind in self._kinds]
        self._likely, self._possible = likely, possible

    def names(self, probabilities: Floats) -> Iterator[FoundName]:
        """Names in order, none overlapping."""
        named = 1.0 - probabilities[:, self._outside]
        places = np.flatnonzero(named >= self._possible)
        if not len(places):
            return
        near = probabilities[places]
        begin, inside = near[:, self._begin], near[:, self._inside]
        breaks = np.diff(places, prepend=-2) > 1
        breaks |= begin.sum(axis=1) > inside.sum(axis=1)
        firsts = np.flatnonzero(breaks)
        kinds = np.add.reduceat(begin + inside, firsts, axis=0)
        scores = np.maximum.reduceat(named[places], firsts)
        for number in np.flatnonzero(scores >= self._likely).tolist():
            first = int(firsts[number])
            last = int(firsts[number + 1]) if number + 1 < len(firsts) else len(places)
            kind = self._kinds[int(kinds[number].argmax())]
            score = min(1.0, float(scores[number]))
            yield FoundName(int(places[first]), int(places[last - 1]) + 1, kind, score)
