"""Find names in Chinese text of any length with the network and the lexicon of the weights.

The network reads windows of a sentence or a few, each with some characters of its neighbours
on both sides, so that a name over a border is seen whole by both. What this does not know:
Japanese (a window with kana is left alone), names in Latin letters, who is meant by 小王 twice.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from guardrails.pii.names.decode import Decoder, TokenSpan
from guardrails.pii.names.network import TaggerNetwork
from guardrails.pii.names_zh.codes import Codes, encode, fold_table, is_han
from guardrails.pii.names_zh.features import rows
from guardrails.pii.names_zh.lexicon import Lexicon

WEIGHTS: Final = Path(__file__).parent / "weights"
LEAST: Final = {"PERSON": 0.4, "LOCATION": 0.4, "ORGANIZATION": 0.4}

_BLOCK: Final = 8_192
_WINDOW: Final = 160
_MARGIN: Final = 12
_SENTENCE_ENDS: Final = np.array([ord(character) for character in "。!?;\n"], np.uint16)
_KANA: Final = (0x3041, 0x30FA)
_KANA_SHARE: Final = 0.1
_LONGEST_NAME: Final = 40


class FoundName(NamedTuple):
    """Characters ``start`` to ``end`` (exclusive); ``score`` is the network's, 0..1."""

    start: int
    end: int
    kind: str
    score: float


class ChineseTagger:
    """Network, lexicon and decoder together; threads may share one.

    Args:
        fold: the table of ``codes.fold_table``.
    """

    def __init__(self, network: TaggerNetwork, lexicon: Lexicon, fold: Codes) -> None:
        self._network = network
        self._lexicon = lexicon
        self._fold = fold
        self._decoder = Decoder(network.labels, LEAST)

    @classmethod
    def load(cls, folder: Path = WEIGHTS) -> Self:
        """Read ``names_zh.npz`` and ``lexicon_zh.npz`` of a folder.

        Raises:
            OSError, ValueError, KeyError: a file is missing, or not one of ours.
        """
        network = TaggerNetwork.load(folder / "names_zh.npz")
        with np.load(folder / "lexicon_zh.npz", allow_pickle=False) as arrays:
            return cls(network, Lexicon(arrays["table"]), fold_table(arrays["fold"]))

    def find(self, text: str) -> list[FoundName]:
        """Names of the text in order, none overlapping."""
        codes = encode(text, self._fold)
        han = is_han(codes)
        if not han.any():
            return []
        return list(_names(self._decoder.spans(self.probabilities(codes)), han))

    def probabilities(self, codes: Codes) -> NDArray[np.float32]:
        """(n,) codes -> (n, L) probabilities of the network's labels."""
        result = np.zeros((len(codes), len(self._network.labels)), np.float32)
        result[:, 0] = 1.0
        for first in range(0, len(codes), _BLOCK):
            last = min(first + _BLOCK, len(codes))
            begin, end = max(0, first - _MARGIN), min(len(codes), last + _MARGIN)
            block = codes[begin:end]
            inputs = rows(block, self._lexicon)
            for start, stop in _windows(block, first - begin, last - begin):
                low, high = max(0, start - _MARGIN), min(len(block), stop + _MARGIN)
                inner = self._network.tag(inputs[low:high])[start - low : stop - low]
                result[begin + start : begin + stop] = inner
        return result


def _windows(codes: Codes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Windows that hold Chinese, together all of it, cut at ends of sentences if there are."""
    ends = np.flatnonzero(np.isin(codes[first:last], _SENTENCE_ENDS)) + first + 1
    start = first
    while start < last:
        stop = min(start + _WINDOW, last)
        if stop < last:
            before = ends[np.searchsorted(ends, stop, "right") - 1] if len(ends) else 0
            stop = int(before) if before > start else stop
        if _is_chinese(codes[start:stop]):
            yield start, stop
        start = stop


def _is_chinese(codes: Codes) -> bool:
    han = int(is_han(codes).sum())
    kana = int(((codes >= _KANA[0]) & (codes <= _KANA[1])).sum())
    return han > 0 and kana <= _KANA_SHARE * (han + kana)


def _names(spans: list[TokenSpan], han: NDArray[np.bool_]) -> Iterator[FoundName]:
    for first, last, kind, score in spans:
        places = np.flatnonzero(han[first : last + 1])
        if len(places) and last - first < _LONGEST_NAME:
            yield FoundName(first, last + 1, kind, score)
