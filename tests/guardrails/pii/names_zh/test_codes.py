import numpy as np
import pytest

from guardrails.pii.names_zh.codes import Codes, encode, fold_table, is_han


@pytest.fixture
def fold() -> Codes:
    return fold_table(np.array([[ord("國"), ord("国")]], np.uint16))


@pytest.mark.parametrize(
    ("text", "folded"),
    [("美國", "美国"), ("２０１９年", "0000年"), ("ＡＢc", "ABc"), ("约翰•史密斯", "约翰·史密斯")],
)
def test_one_spelling(fold: Codes, text: str, folded: str) -> None:
    assert "".join(map(chr, encode(text, fold))) == folded


@pytest.mark.parametrize("text", ["", "a", "\ud800中", "𠮷野家", "e\u0301中"])
def test_one_code_a_character(fold: Codes, text: str) -> None:
    assert len(encode(text, fold)) == len(text)


def test_knows_chinese_characters(fold: Codes) -> None:
    assert is_han(encode("a中カ。", fold)).tolist() == [False, True, False, False]
