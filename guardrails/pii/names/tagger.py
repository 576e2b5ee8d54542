"""From hashed features to names: a softmax per word, neighbours joined."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from guardrails.pii.names.features import KINDS, features, tokens

WEIGHTS: Final = Path(__file__).with_name("weights") / "names.npz"
_JOINERS: Final = frozenset([
    "von", "van", "der", "den", "de", "del", "della", "di", "da", "dos", "du", "la", "le", "zu",
    "y", "of", "the", "und", "&", "-", "'", "’", ".",
])  # fmt: skip


class Name(NamedTuple):
    """``text[start:end]`` is a name of ``kind`` with probability ``score``."""

    start: int
    end: int
    kind: str
    score: float


class NameTagger:
    """Linear weights over hashed features and another model's hints.

    Args:
        weights: ``(2**BITS, 4)`` float32.
        bias: ``(4,)``.
    """

    def __init__(self, weights: np.ndarray[Any, Any], bias: np.ndarray[Any, Any]) -> None:
        self._weights = weights.astype(np.float32)
        self._bias = bias.astype(np.float32)

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "NameTagger":
        """Read the shipped weights; ``allow_pickle`` stays off."""
        with np.load(path, allow_pickle=False) as data:
            return cls(data["weights"].astype(np.float32) * data["scale"], data["bias"])

    def find(
        self, text: str, hints: Sequence[tuple[int, int, str]], threshold: float
    ) -> list[Name]:
        """Names in ``text``.

        Args:
            hints: another model's findings as ``(start, end, kind)``.
            threshold: least probability of being a name of any kind.
        """
        words, offsets = tokens(text)
        if not words:
            return []
        probabilities = self._probabilities(words, hint_labels(offsets, hints))
        named = 1.0 - probabilities[:, 0] >= threshold
        if not named.any():
            return []
        kinds = probabilities[:, 1:].argmax(axis=1) + 1
        return _join(text, words, offsets, named, kinds, 1.0 - probabilities[:, 0])

    def _probabilities(self, words: list[str], labels: Any) -> Any:
        out = np.empty((len(words), len(KINDS)), np.float32)
        for start in range(0, len(words), 4096):
            part = slice(start, start + 4096)
            rows = features(words[part], labels[part])
            scores = self._weights[rows].sum(axis=1) + self._bias
            scores = np.exp(scores - scores.max(axis=1, keepdims=True))
            out[part] = scores / scores.sum(axis=1, keepdims=True)
        return out


def hint_labels(
    offsets: Sequence[tuple[int, int]], hints: Sequence[tuple[int, int, str]]
) -> np.ndarray[Any, Any]:
    """The hint's kind per word, as an index into ``KINDS``. Both in order of their starts."""
    labels = np.zeros(len(offsets), np.int64)
    spans = iter(sorted(hints))
    current = next(spans, None)
    for index, (start, end) in enumerate(offsets):
        while current is not None and current[1] <= start:
            current = next(spans, None)
        if current is None:
            break
        if current[0] < end:
            labels[index] = KINDS.index(current[2])
    return labels


def _join(
    text: str,
    words: list[str],
    offsets: list[tuple[int, int]],
    named: Any,
    kinds: Any,
    scores: Any,
) -> list[Name]:
    found: list[Name] = []
    index = 0
    while index < len(words):
        if not named[index] or not words[index][0].isalnum():
            index += 1
            continue
        last = index
        probe = index + 1
        while probe < len(words) and words[probe] != "\n" and probe - last <= 2:
            if named[probe] and kinds[probe] == kinds[index] and words[probe][0].isalnum():
                last = probe
            elif words[probe].lower() not in _JOINERS or (
                words[probe] == "." and offsets[probe][0] - offsets[probe - 1][0] > 3
            ):
                break
            probe += 1
        score = float(scores[index : last + 1].max())
        found.append(Name(offsets[index][0], offsets[last][1], KINDS[kinds[index]], score))
        index = last + 1
    return found
