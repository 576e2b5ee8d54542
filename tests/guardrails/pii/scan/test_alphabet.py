"""The cells of the alphabet never mix what a pattern tells apart by category."""

import re

import numpy as np
import pytest

from guardrails.pii.scan.alphabet import CHINESE_DIGITS, INVISIBLE, alphabet, ascii_twins

_POINTS = np.arange(0x110000, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")


@pytest.mark.parametrize("escape", [r"\w", r"\d", r"\s"])
def test_a_cell_is_of_one_category(escape: str) -> None:
    cells = np.frombuffer(alphabet().encode(_POINTS), dtype=np.uint8)
    matching = np.zeros(len(_POINTS), dtype=bool)
    for run in re.finditer(escape + "+", _POINTS):
        matching[run.start() : run.end()] = True
    assert not set(cells[matching].tolist()) & set(cells[~matching].tolist())


def test_one_byte_for_each_code_point_however_broken() -> None:
    text = "aß中\ud83d\udc00🙂\x00\U0010ffff"
    assert len(alphabet().encode(text)) == len(text)
    assert alphabet().encode("plain ASCII\n") == b"plain ASCII\n"
    latin = "Grüße, ça"
    assert alphabet().encode(latin) == alphabet().encode(latin + "中")[:-1]


def test_tables_of_letters() -> None:
    assert ascii_twins()["＠"] == "@"
    assert "，" not in ascii_twins()
    assert CHINESE_DIGITS["幺"] == "1"
    assert "\u200b" in INVISIBLE
