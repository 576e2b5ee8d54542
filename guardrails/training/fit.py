"""Fitting of linear heads with scikit-learn, balanced over sources; used by every trainer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from guardrails.linear import FeatureSpec, featurize


@dataclass(frozen=True, slots=True)
class Windows:
    """Feature rows of texts cut into windows: ``owner[row]`` is the text's index."""

    matrix: csr_matrix
    owner: NDArray[np.int64]

    def take(self, texts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows that belong to the given text indices."""
        return np.flatnonzero(np.isin(self.owner, texts))

    def highest(self, scores: NDArray[np.float64], texts: int) -> NDArray[np.float64]:
        """The maximum over each text's windows."""
        best = np.full(texts, -np.inf)
        np.maximum.at(best, self.owner, scores)
        return best


def vectorise(texts: Sequence[str], spec: FeatureSpec, buckets: int) -> Windows:
    """Windows of all texts as a sparse matrix ``[windows, buckets]``, each row of length 1.

    Buckets that several hashes of one text share add up, as they do at run time.
    """
    indices, counts, owner = [], [], []
    for number, text in enumerate(texts):
        for hashes in featurize(text, spec).windows():
            indices.append(hashes & np.uint32(buckets - 1))
            counts.append(len(hashes))
            owner.append(number)
    lengths = np.array(counts, np.int64)
    pointer = np.concatenate([[0], np.cumsum(lengths)])
    values = np.repeat(1.0 / np.sqrt(np.maximum(lengths, 1)), lengths).astype(np.float32)
    columns = np.concatenate(indices).astype(np.int32) if indices else np.empty(0, np.int32)
    matrix = csr_matrix((values, columns, pointer), shape=(len(lengths), buckets))
    matrix.sum_duplicates()
    return Windows(matrix, np.array(owner, np.int64))


def source_weights(
    sources: Sequence[str], labels: Sequence[int], power: float, gain: dict[str, float]
) -> NDArray[np.float64]:
    """Weight per example so that a source's total grows only with ``size ** power``.

    ``gain`` multiplies sources; the two labels get the same total, and the mean is 1.
    """
    keys = [f"{source}|{label}" for source, label in zip(sources, labels, strict=True)]
    _, inverse, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    weights = (sizes.astype(float) ** (power - 1.0))[inverse]
    weights *= np.array([gain.get(source, 1.0) for source in sources])
    sign = np.asarray(labels) == 1
    for side in (sign, ~sign):
        weights[side] *= 0.5 / max(weights[side].sum(), 1e-12)
    return weights * len(weights)


def fit_binary(
    matrix: csr_matrix, labels: NDArray[np.int64], weights: NDArray[np.float64], strength: float
) -> tuple[NDArray[np.float64], float]:
    """L2 logistic regression: weights ``[buckets]`` and bias."""
    # The objective is scaled by the number of texts: a usual tolerance stops after a few steps.
    model = LogisticRegression(C=strength, solver="lbfgs", max_iter=120, tol=1e-5)
    model.fit(matrix, labels, sample_weight=weights)
    return np.asarray(model.coef_, np.float64)[0], float(np.asarray(model.intercept_)[0])


def fit_classes(
    matrix: csr_matrix, labels: NDArray[np.int64], weights: NDArray[np.float64], strength: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Multinomial logistic regression: weights ``[buckets, classes]`` and biases."""
    model = LogisticRegression(C=strength, solver="lbfgs", max_iter=60, tol=1e-4)
    model.fit(matrix, labels, sample_weight=weights)
    return np.asarray(model.coef_, np.float64).T, np.asarray(model.intercept_, np.float64)


def fit_platt(
    scores: NDArray[np.float64], labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """Slope and shift that turn held-out scores into probabilities (Platt, 1999)."""
    model = LogisticRegression(C=1e3, solver="lbfgs")
    model.fit(scores[:, None], labels, sample_weight=weights)
    return float(np.asarray(model.coef_)[0, 0]), float(np.asarray(model.intercept_)[0])


def folds(count: int, parts: int, seed: int) -> NDArray[np.int64]:
    """A fold number per example."""
    numbers = np.arange(count) % parts
    np.random.default_rng(seed).shuffle(numbers)
    return numbers
