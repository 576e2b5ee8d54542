"""A linear head: int8 weights per hash bucket, one row per output.

The score of a set of n distinct hashes is ``sum(weights) * scale / sqrt(n) + bias``: the
root keeps long and short texts comparable, and distinct hashes make repetition pointless.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guardrails.linear.features import Hashes

Sums = tuple[int, ...]  # distinct hashes of a text, then the sum of their weights per output


@dataclass(frozen=True, slots=True)
class LinearHead:
    """Weights of one classifier.

    Args:
        labels: one name per output.
        weights: int8 ``[buckets, outputs]``, row by row; buckets is a power of two.
        scale: float32 ``[outputs]``, the value of one weight step.
        bias: float32 ``[outputs]``.
        dense: float32 ``[signals, outputs]`` for hand-made signals; zero rows if none.
    """

    labels: tuple[str, ...]
    weights: NDArray[np.int8]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    dense: NDArray[np.float32]

    def __post_init__(self) -> None:
        buckets, outputs = self.weights.shape
        if buckets & (buckets - 1) or outputs != len(self.labels):
            raise ValueError("weights must be [a power of two, outputs]")
        if not self.weights.flags.c_contiguous:
            raise ValueError("weights must lie row by row")

    def logits(
        self, hashes: Hashes, signals: NDArray[np.float32] | None = None
    ) -> NDArray[np.float64]:
        """Raw scores ``[outputs]`` of one set of distinct hashes."""
        return self.logits_of(self.sums(hashes), signals)

    def sums(self, hashes: Hashes) -> Sums:
        """What a set of distinct hashes adds up to."""
        rows = self.weights[hashes & np.uint32(len(self.weights) - 1)]
        return len(hashes), *rows.sum(axis=0, dtype=np.int64).tolist()

    def logits_of(
        self, sums: Sums, signals: NDArray[np.float32] | None = None
    ) -> NDArray[np.float64]:
        """Raw scores ``[outputs]`` of what a text adds up to."""
        count, *totals = sums
        out = np.array(totals, np.int64) * self.scale / np.sqrt(max(count, 1)) + self.bias
        return out if signals is None else out + signals @ self.dense

    def probability(self, sums: Sums, signals: NDArray[np.float32] | None = None) -> float:
        """Probability of the first output (a binary head has one)."""
        if signals is not None:
            return sigmoid(float(self.logits_of(sums, signals)[0]))
        # The arithmetic of `logits_of` without its arrays.
        value = sums[1] * self.scale.item(0) / math.sqrt(max(sums[0], 1)) + self.bias.item(0)
        return sigmoid(value)


def sigmoid(value: float) -> float:
    """The logistic function, safe at both ends."""
    return 1.0 / (1.0 + math.exp(-min(max(value, -60.0), 60.0)))


def softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities from logits ``[outputs]``."""
    powers = np.exp(values - values.max())
    return powers / powers.sum()


def quantise(
    labels: tuple[str, ...],
    weights: NDArray[np.float64],
    bias: NDArray[np.float64],
    dense: NDArray[np.float64],
) -> LinearHead:
    """Float weights ``[buckets, outputs]`` to int8, symmetric, one scale per output."""
    top = np.maximum(np.abs(weights).max(axis=0), 1e-12)
    scale = (top / 127.0).astype(np.float32)
    steps = np.clip(np.rint(weights / scale), -127, 127).astype(np.int8, order="C")
    return LinearHead(labels, steps, scale, bias.astype(np.float32), dense.astype(np.float32))
