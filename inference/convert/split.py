"""Which neurons of a feed-forward go into which expert.

The neurons that matter on every token become the shared expert. The others
are grouped by when they matter: neurons that are strong on the same tokens go
together, so that a token needs few groups. (The idea of MoEfication,
arXiv:2110.01786, with a shared expert as in DeepSeekMoE, arXiv:2401.06066.)
Deterministic: the random projection has a fixed seed.
"""

import numpy as np

ITERATIONS = 5
FEATURES = 96


def split_neurons(contribution: np.ndarray, num_routed: int) -> list[np.ndarray]:
    """Group neurons into one shared and ``num_routed`` routed experts of equal width.

    Args:
        contribution: [tokens, width] size of each neuron's contribution, not negative.
    Returns:
        Neuron indices, sorted, shared expert first.
    """
    size = contribution.shape[1] // (num_routed + 1)
    order = np.argsort(-contribution.mean(axis=0), kind="stable")
    shared, rest = np.sort(order[:size]), np.sort(order[size:])
    labels = _balanced_clusters(_features(contribution[:, rest]), num_routed)
    return [shared, *(rest[labels == cluster] for cluster in range(num_routed))]


def _features(contribution: np.ndarray) -> np.ndarray:
    """[neurons, FEATURES]: unit vectors of when each neuron is stronger than usual."""
    centred = contribution - contribution.mean(axis=0)
    # A random projection keeps the angles between neurons' profiles (Johnson-Lindenstrauss).
    signs = np.random.default_rng(0).standard_normal((len(centred), FEATURES), dtype=np.float32)
    points = centred.T @ signs
    return points / (np.linalg.norm(points, axis=1, keepdims=True) + 1e-9)


def _balanced_clusters(points: np.ndarray, count: int) -> np.ndarray:
    """Spherical k-means with equal cluster sizes; [neurons] cluster numbers."""
    centres = _spread(points, count)
    labels = np.zeros(len(points), dtype=int)
    for _ in range(ITERATIONS):
        labels = _assign(points @ centres.T, len(points) // count)
        centres = np.stack([points[labels == cluster].mean(axis=0) for cluster in range(count)])
        centres /= np.linalg.norm(centres, axis=1, keepdims=True) + 1e-9
    return labels


def _spread(points: np.ndarray, count: int) -> np.ndarray:
    """Starting centres far from each other (farthest-first)."""
    chosen = [int(np.argmax(points @ points.mean(axis=0)))]
    while len(chosen) < count:
        nearest = (points @ points[chosen].T).max(axis=1)
        chosen.append(int(np.argmin(nearest)))
    return points[chosen]


def _assign(likeness: np.ndarray, size: int) -> np.ndarray:
    """Give each point its best cluster that has room, the most decided points first."""
    labels = np.full(len(likeness), -1)
    scores = likeness.copy()
    while (waiting := np.flatnonzero(labels < 0)).size:
        ranked = np.sort(scores[waiting], axis=1)
        best = scores[waiting].argmax(axis=1)
        decided = np.argsort(-(ranked[:, -1] - ranked[:, -2]), kind="stable")
        for cluster in range(likeness.shape[1]):
            room = size - int((labels == cluster).sum())
            labels[waiting[decided[best[decided] == cluster][:room]]] = cluster
            if (labels == cluster).sum() == size:
                scores[:, cluster] = -1e9
    return labels
