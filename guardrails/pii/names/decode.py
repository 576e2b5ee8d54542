"""Spans of tokens from probabilities of BIO labels.

No Viterbi: the leak of a missed name weighs more than a ragged border, so each kind has its own
least probability, and a token is of the likeliest kind that reaches it. A pass over thousands of
tokens costs a few array operations, where Viterbi costs one for every token.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class TokenSpan(NamedTuple):
    """Tokens ``first`` to ``last`` (inclusive) of one kind; ``score`` 0..1."""

    first: int
    last: int
    kind: str
    score: float


class Decoder:
    """Turns probabilities into spans.

    Args:
        labels: ``O``, ``B-KIND`` and ``I-KIND``, in the order of the network's columns.
        least: per kind, how likely a token must be of it (its B and I added).
    """

    def __init__(self, labels: Sequence[str], least: Mapping[str, float]) -> None:
        self.kinds = tuple(dict.fromkeys(label[2:] for label in labels if label != "O"))
        self._begin = [labels.index(f"B-{kind}") for kind in self.kinds]
        self._inside = [labels.index(f"I-{kind}") for kind in self.kinds]
        self._least = np.array([least[kind] for kind in self.kinds], np.float32)
        self._outside = labels.index("O")
        # Above this no kind can reach its least; the margin is for rounding.
        self._most_outside = 1.0 - float(self._least.min()) + 0.001

    def spans(self, probabilities: NDArray[np.float32]) -> list[TokenSpan]:
        """Runs of tokens of one kind; a token that rather begins a name starts a new run."""
        # Few tokens are of any kind: most are told by one column.
        tokens = np.flatnonzero(probabilities[:, self._outside] < self._most_outside)
        if not len(tokens):
            return []
        near = probabilities[tokens]
        begin, inside = near[:, self._begin], near[:, self._inside]
        likely = begin + inside
        reach = likely / self._least
        kinds = reach.argmax(axis=1)
        rows = np.flatnonzero(np.maximum.reduce(reach, axis=1) >= 1.0)
        own = rows, kinds[rows]
        return self._runs(tokens[rows], own[1], likely[own], begin[own] > inside[own])

    def _runs(self, tokens: Any, kinds: Any, likely: Any, begins: Any) -> list[TokenSpan]:
        """Four arrays of equal length, one value for each token of a kind."""
        spans: list[TokenSpan] = []
        columns = (each.tolist() for each in (tokens, kinds, likely, begins))
        for token, kind, score, begun in zip(*columns, strict=True):
            name = self.kinds[kind]
            last = spans[-1] if spans else None
            joins = last is not None and last.last == token - 1 and last.kind == name
            if last is not None and joins and not begun:
                spans[-1] = TokenSpan(last.first, token, name, max(last.score, score))
            else:
                spans.append(TokenSpan(token, token, name, score))
        return spans
