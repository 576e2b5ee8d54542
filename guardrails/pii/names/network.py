"""A small tagger of token sequences in numpy: hashed features, convolutions, labels.

The idea of spaCy's tok2vec (hash embeddings, a mixing layer, residual window-3 convolutions),
cut down to what costs microseconds a token without a deep-learning library. It knows rows of
numbers only: which features a token has, and what text is, is the business of a featuriser.
Weights come from its torch twin in ``training/network.py``, which explains how they are made.

A file (``.npz``, no pickles) holds:

======================  ============  =====================================================
``table``               (V, e) int8   one row per feature; row 0 is "no feature", all zero
``table_scale``         (V,) f16      what an int8 step of that row is worth
``slots``               (g,) int      how many of a token's columns are summed into each slot
``mix_w``, ``mix_b``    (g*e, h) (h)  slots side by side, mixed; ReLU
``lift_w``, ``lift_b``  (h, d) (d)    to the width of the convolutions
``conv{i}_w``, ``_b``   (3*d, d) (d)  left, own and right neighbour; ReLU; added to the input
``dilations``           (k,) int      how far the neighbours of convolution i stand
``context_w``, ``_b``   (d, d) (d)    from the mean over the sequence; ReLU; added everywhere
``out_w``, ``out_b``    (d, L) (L)    scores of the labels
``labels``              (L,) str      such as ``O``, ``B-PERSON``, ``I-PERSON``
======================  ============  =====================================================

A token's vector depends on that token alone, so it is computed once and kept (``TokenVectors``);
only the convolutions run for every text. Both run in C where that was built (``_native.c``), else
in numpy: the same sums in another order. There the Latin tagger's other steps are in C as well.
"""

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from guardrails.pii.names._native import Network

Floats = NDArray[np.float32]
Rows = NDArray[np.int32]

_CONTEXT_AFTER: Final = 1


class TaggerNetwork:
    """The network of one weight file; holds no state of a text, so threads may share it."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], *, native: bool = True) -> None:
        self.labels = tuple(str(label) for label in arrays["labels"])
        self._table = np.ascontiguousarray(arrays["table"], np.int8)
        self._scale = np.asarray(arrays["table_scale"], np.float32)
        slots = np.asarray(arrays["slots"], np.int64)
        self.columns = int(slots.sum())
        ends = np.cumsum(slots).tolist()
        self._slots = list(zip([0, *ends[:-1]], ends, strict=True))
        self._mix = _affine(arrays, "mix")
        self._lift = _affine(arrays, "lift")
        self._context = _affine(arrays, "context")
        self._out = _affine(arrays, "out")
        self._dilations = [int(each) for each in arrays["dilations"]]
        self._convolutions = [_affine(arrays, f"conv{i}") for i in range(len(self._dilations))]
        self.width = self._out[0].shape[0]
        self.native = self._in_c(tuple(slots.tolist())) if native else None

    @property
    def is_native(self) -> bool:
        return self.native is not None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a weight file.

        Raises:
            OSError, ValueError, KeyError: no such file, or not one of ours.
        """
        with np.load(path, allow_pickle=False) as arrays:
            return cls({name: arrays[name] for name in arrays.files})

    def vectors(self, rows: Rows) -> Floats:
        """(n, f) feature rows, f = ``columns``, absent ones 0 -> (n, d) token vectors."""
        if self.native is not None:
            result = np.empty((len(rows), self.width), np.float32)
            self.native.vectors(np.ascontiguousarray(rows, np.int32), result)
            return result
        values = self._table.take(rows, axis=0).astype(np.float32)
        values *= self._scale.take(rows)[:, :, None]
        slots = _sums(values, self._slots).reshape(len(rows), -1)
        return _linear(_relu(_linear(slots, self._mix)), self._lift)

    def scores(self, vectors: Floats) -> Floats:
        """(n, d) vectors of one sequence -> (n, L) probabilities of the labels."""
        count, width = vectors.shape
        if count == 0:
            return np.zeros((0, len(self.labels)), np.float32)
        if self.native is not None:
            result = np.empty((count, len(self.labels)), np.float32)
            self.native.scores(np.ascontiguousarray(vectors, np.float32), result)
            return result
        state = np.array(vectors, np.float32)
        wide = np.empty((count, 3 * width), np.float32)
        change = np.empty((count, width), np.float32)
        zeros = np.zeros((count, width), np.float32)  # three times as fast as the number 0
        for number, dilation in enumerate(self._dilations):
            if number == _CONTEXT_AFTER:
                mean = np.add.reduce(state, axis=0, keepdims=True)
                mean /= count
                state += _relu(_linear(mean, self._context))
            weight, bias = self._convolutions[number]
            _spread(state, dilation, wide)
            np.dot(wide, weight, out=change)
            change += bias
            state += np.maximum(change, zeros, out=change)
        return _softmax(_linear(state, self._out))

    def tag(self, token_rows: Rows) -> Floats:
        """(n, f) feature rows of one sequence -> (n, L) probabilities of the labels."""
        return self.scores(self.vectors(token_rows))

    def _in_c(self, slots: tuple[int, ...]) -> "Network | None":
        try:
            from guardrails.pii.names._native import Network
        except ImportError:  # no C compiler where the package was installed
            return None
        return Network(
            self._table,
            self._scale,
            slots,
            self._mix,
            self._lift,
            self._context,
            self._out,
            tuple(self._convolutions),
            tuple(self._dilations),
            _CONTEXT_AFTER,
        )


class TokenVectors:
    """Vectors per token key, computed once for each distinct key and kept, bounded.

    Keys are remembered as their salted 64-bit hash only, so the table holds no text. The oldest
    entry makes room for a new one.

    Args:
        featurise: the feature rows of a key; as many as the network has ``columns``.
        capacity: how many distinct keys are kept; one costs about 4 * d + 100 bytes.
    """

    def __init__(
        self,
        network: TaggerNetwork,
        featurise: Callable[[Any], Sequence[int]],
        capacity: int = 16_384,
    ) -> None:
        self._network = network
        self._featurise = featurise
        self._places: dict[int, int] = {}
        self._vectors = np.zeros((capacity, network.width), np.float32)
        self._owners: list[int | None] = [None] * capacity
        self._next = 0
        self._lock = threading.Lock()

    def of(self, keys: Sequence[Hashable]) -> Floats:
        """(n, d) vectors of n keys, in order; a copy that the caller may change."""
        hashes = [hash(key) for key in keys]
        distinct = dict(zip(hashes, keys, strict=True))
        if len(distinct) > len(self._owners) // 2:
            return self._fresh(keys)
        with self._lock:
            # Again, since room for new ones may have been taken from some of these very keys;
            # what was added in this call is never the oldest.
            while missing := [code for code in distinct if code not in self._places]:
                self._add({code: distinct[code] for code in missing})
            return self._vectors[[self._places[code] for code in hashes]]

    def _fresh(self, keys: Sequence[Hashable]) -> Floats:
        rows = np.array([self._featurise(key) for key in keys], np.int32)
        return self._network.vectors(rows)

    def _add(self, missing: Mapping[int, Hashable]) -> None:
        vectors = self._fresh(list(missing.values()))
        for code, vector in zip(missing, vectors, strict=True):
            place = self._next
            self._next = (place + 1) % len(self._owners)
            owner = self._owners[place]
            if owner is not None:
                del self._places[owner]
            self._owners[place] = code
            self._places[code] = place
            self._vectors[place] = vector


def _affine(arrays: Mapping[str, NDArray[Any]], name: str) -> tuple[Floats, Floats]:
    weight = np.ascontiguousarray(arrays[f"{name}_w"], np.float32)
    return weight, np.ascontiguousarray(arrays[f"{name}_b"], np.float32)


def _sums(values: Floats, slots: Sequence[tuple[int, int]]) -> Floats:
    """(n, f, e) -> (n, g, e), columns added up; ``np.add.reduceat`` takes four times as long."""
    result = np.empty((len(values), len(slots), values.shape[2]), np.float32)
    for number, (first, last) in enumerate(slots):
        np.add.reduce(values[:, first:last], axis=1, out=result[:, number])
    return result


def _linear(values: Floats, affine: tuple[Floats, Floats]) -> Floats:
    result = values @ affine[0]
    result += affine[1]
    return result


def _relu(values: Floats) -> Floats:
    return np.maximum(values, 0.0, out=values)


def _spread(state: Floats, dilation: int, wide: Floats) -> None:
    """Each row beside its left and right neighbour at that distance; zeros past the ends.

    One wide matrix, so that a convolution is a single product: at these sizes three narrow
    products cost more than the copy.
    """
    width = state.shape[1]
    step = min(dilation, len(state))
    wide[:step, :width] = 0.0
    wide[step:, :width] = state[: len(state) - step]
    wide[:, width : 2 * width] = state
    wide[: len(state) - step, 2 * width :] = state[step:]
    wide[len(state) - step :, 2 * width :] = 0.0


def _softmax(scores: Floats) -> Floats:
    scores -= np.maximum.reduce(scores, axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= np.add.reduce(scores, axis=1, keepdims=True)
    return scores
