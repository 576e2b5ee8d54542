"""Code points of a text, folded so that one word has one spelling.

Traditional characters become simplified ones, full-width letters and digits narrow ones, all
digits one digit. One code stands for each character, so places in the codes are places in the
text. What this does not know: characters beyond the Basic Multilingual Plane (rare surnames)
become one unknown code, and a traditional character with several simplified forms gets one.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint16]

FIRST_HAN: Final = 0x4E00
LAST_HAN: Final = 0x9FFF
_PLANE: Final = 0x10000
_UNKNOWN: Final = 0xFFFF
_MIDDLE_DOT: Final = ord("·")
_DOTS: Final = "•・‧∙⋅．"


def fold_table(pairs: NDArray[np.uint16]) -> Codes:
    """The (65536,) table that folds a code.

    Args:
        pairs: (n, 2) traditional and simplified codes.
    """
    table = np.arange(_PLANE, dtype=np.uint16)
    table[0xFF01:0xFF5F] = np.arange(0x21, 0x7F)
    table[ord("0") : ord("9") + 1] = ord("0")
    table[0xFF10:0xFF1A] = ord("0")
    table[[ord(dot) for dot in _DOTS]] = _MIDDLE_DOT
    table[pairs[:, 0]] = pairs[:, 1]
    return table


def encode(text: str, table: Codes) -> Codes:
    """(n,) folded codes of n characters; lone surrogates are codes like any other."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return table[np.minimum(points, _UNKNOWN)]


def is_han(codes: Codes) -> NDArray[np.bool_]:
    """Which codes are Chinese characters of the common block."""
    return (codes >= FIRST_HAN) & (codes <= LAST_HAN)
