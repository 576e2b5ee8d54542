"""Text -> folded code points: the cheap normalisation shared by training and run time.

Undoes what costs an evader nothing: full-width and styled letters (NFKC), zero-width
characters, case, repeated blanks. Knows nothing of languages beyond three classes of
code points: separators, letters that form words, ideographs that are words themselves.
"""

import re
import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint32]
Classes = NDArray[np.uint8]

SEPARATOR, SYMBOL, LETTER, IDEOGRAPH = 0, 1, 2, 3
_TABLE_SIZE = 0x20000  # BMP and the first supplementary plane; above: CJK extensions, tags
_NEUTRAL = re.compile(r"https?://\S+|www\.\S+|(?<![\w.])@\w+|\[[A-Z][A-Z_]*_\d+\]")
_CLASS_OF = bytes(
    LETTER if letter in b"LMN" else SYMBOL if letter in b"PS" else SEPARATOR
    for letter in range(256)
)
_IDEOGRAPHS = (
    (0x3040, 0x30FF),  # hiragana, katakana
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x0E00, 0x0E7F),  # Thai writes no blanks between words either
)


@cache
def tables() -> tuple[NDArray[np.uint8], Codes]:
    """Class and replacement of every code point below ``_TABLE_SIZE``."""
    # Of each category ("Lu", "Nd") the first letter.
    categories = "".join(map(unicodedata.category, map(chr, range(_TABLE_SIZE))))[::2].encode()
    classes = np.frombuffer(bytearray(categories.translate(_CLASS_OF)), np.uint8)
    mapped = np.arange(_TABLE_SIZE, dtype=np.uint32)
    mapped[np.frombuffer(categories, np.uint8) == ord("N")] = ord("0")
    for low, high in _IDEOGRAPHS:
        classes[low : high + 1] = np.where(
            classes[low : high + 1] == LETTER, IDEOGRAPH, classes[low : high + 1]
        )
    mapped[classes == SEPARATOR] = 0x20
    return classes, mapped


@cache
def _invisible() -> re.Pattern[str]:
    """Format characters (zero width, bidi controls, soft hyphen, tags), to be deleted."""
    codes = [*range(_TABLE_SIZE), *range(0xE0000, 0xE1000)]  # the planes between have none
    return re.compile(f"[{''.join(c for c in map(chr, codes) if unicodedata.category(c) == 'Cf')}]")


def clean(text: str) -> str:
    """Lower-cased NFKC text without links, handles, issued placeholders, invisible characters."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        if not text.isprintable():
            text = _invisible().sub("", text)
    if "@" in text or "://" in text or "www." in text or "[" in text:
        text = _NEUTRAL.sub(" ", text)
    return text.casefold()


def fold(text: str, *, symbols: bool) -> tuple[Codes, Classes]:
    """Code points and classes of a cleaned text, blanks collapsed, one at either end.

    Args:
        symbols: keep punctuation; otherwise it counts as a blank.
    """
    raw = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    class_table, map_table = tables()
    known = np.minimum(raw, _TABLE_SIZE - 1)
    classes = class_table[known]
    classes = np.where(raw < _TABLE_SIZE, classes, IDEOGRAPH).astype(np.uint8)
    codes = np.where(raw < _TABLE_SIZE, map_table[known], raw)
    if not symbols:
        blank = classes == SYMBOL
        classes[blank] = SEPARATOR
        codes[blank] = 0x20
    return _collapse(codes, classes)


def _collapse(codes: Codes, classes: Classes) -> tuple[Codes, Classes]:
    padded = np.empty(len(codes) + 2, np.uint32)
    padded[0] = padded[-1] = 0x20
    padded[1:-1] = codes
    kinds = np.zeros(len(codes) + 2, np.uint8)
    kinds[1:-1] = classes
    keep = np.ones(len(padded), bool)
    keep[1:] = (kinds[1:] != SEPARATOR) | (kinds[:-1] != SEPARATOR)
    return padded[keep], kinds[keep]
