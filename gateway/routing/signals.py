"""Hand-made signals of a prompt that word statistics miss: shape rather than words.

All are scaled to about 0..0.3, so that regularisation keeps them from drowning the words, and cost microseconds; ``NAMES`` is their order in the weights.
"""

import math
import re

import numpy as np
from numpy.typing import NDArray

NAMES = (
    "length",
    "lines",
    "digits",
    "operators",
    "code",
    "choices",
    "question",
    "formula",
    "pasted",
)
_OPERATORS = re.compile(r"[=+*/^<>∫∑√≤≥≠∞∂∇∈∀∃\\]")
_CODE = re.compile(
    r"```|\bdef \w+\(|\bclass \w+|\bfunction\b|;\s*\n|\{\s*\n|#include|\bSELECT\b|\bimport \w|=>|\(\);"
    r"|\breturn\b|</\w+>|Traceback|Exception|\bnull\b|\bvoid\b"
)
_CHOICES = re.compile(r"(?m)^\s*\(?[A-E][.):]\s|\bOptions:")
_FORMULA = re.compile(r"\$[^$]+\$|\\\w+\{|\b[a-z]\^\d|\b[a-z]\([a-z]\)|\d\s*[+*/^=-]\s*[\d(a-z]")
_PASTED = re.compile(r":\s+\S.{120,}", re.DOTALL)
_SCALE = np.float32(0.3)
_DIGIT = re.compile(r"\d")


def signals(text: str) -> NDArray[np.float32]:
    """Values ``[len(NAMES)]`` of one text, which the caller has cut to a bounded length."""
    size = max(len(text), 1)
    values = (
        math.log1p(len(text)) / 8,
        min(math.log1p(text.count("\n")) / 4, 1.5),
        min(10 * len(_DIGIT.findall(text)) / size, 1.5),
        min(20 * len(_OPERATORS.findall(text)) / size, 1.5),
        min(len(_CODE.findall(text)) / 4, 1.5),
        min(len(_CHOICES.findall(text)) / 4, 1.5),
        float("?" in text or "？" in text),
        min(len(_FORMULA.findall(text)) / 4, 1.5),
        float(_PASTED.search(text) is not None),
    )
    return np.array(values, np.float32) * _SCALE
