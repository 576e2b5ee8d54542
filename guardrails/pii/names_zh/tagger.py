"""Find names in Chinese text of any length with the network and the lexicon of the weights.

The network reads windows of a sentence or a few, each with some characters of its neighbours
on both sides, so that a name over a border is seen whole by both. What this does not know:
Japanese (a window with kana is left alone), names in Latin letters, who is meant by 小王 twice.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from guardrails.pii.names.network import TaggerNetwork
from guardrails.pii.names_zh.codes import Codes, encode, fold_table, is_han
from guardrails.pii.names_zh.decode import FoundName, NameDecoder
from guardrails.pii.names_zh.features import rows
from guardrails.pii.names_zh.lexicon import Lexicon

WEIGHTS: Final = Path(__file__).parent / "weights"
_BLOCK: Final = 8_192
_WINDOW: Final = 256
_MARGIN: Final = 12
_ENDS: Final = np.isin(np.arange(1 << 16), [ord(each) for each in "。!?;\n"])
_KANA: Final = (0x3041, 0x30FA)
_KANA_SHARE: Final = 0.1


class ChineseTagger:
    """Network, lexicon and decoder together; threads may share one.

    Args:
        fold: the table of ``codes.fold_table``.
    """

    def __init__(self, network: TaggerNetwork, lexicon: Lexicon, fold: Codes) -> None:
        self._network = network
        self._lexicon = lexicon
        self._fold = fold
        self._decoder = NameDecoder(network.labels)

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
        names = self._decoder.names(self.probabilities(codes))
        return [name for name in names if han[name.start : name.end].any()]

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
    start = first
    while start < last:
        stop = min(start + _WINDOW, last)
        if stop < last:
            stop = _sentence_end(codes, start, stop)
        if _is_chinese(codes[start:stop]):
            yield start, stop
        start = stop


def _sentence_end(codes: Codes, start: int, stop: int) -> int:
    """The last end of a sentence in a window, or the window's own."""
    ends = np.flatnonzero(_ENDS[codes[start:stop]])
    return start + int(ends[-1]) + 1 if len(ends) else stop


def _is_chinese(codes: Codes) -> bool:
    han = int(is_han(codes).sum())
    kana = int(((codes >= _KANA[0]) & (codes <= _KANA[1])).sum())
    return han > 0 and kana <= _KANA_SHARE * (han + kana)
