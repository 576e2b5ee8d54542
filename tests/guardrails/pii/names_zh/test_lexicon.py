import numpy as np
import pytest

from guardrails.pii.names_zh.codes import Codes, encode, fold_table
from guardrails.pii.names_zh.lexicon import (
    LENGTHS,
    ORGANISATION,
    PERSON,
    PLACE,
    WORD,
    Lexicon,
    hashes,
)

WORDS = {"北京": PLACE, "北京大学": ORGANISATION, "大学": WORD, "王国": WORD, "王国维": PERSON}


@pytest.fixture
def fold() -> Codes:
    return fold_table(np.array([[ord("學"), ord("学")]], np.uint16))


@pytest.fixture
def lexicon(fold: Codes) -> Lexicon:
    return Lexicon.build(WORDS, fold)


def as_pairs(values: np.ndarray) -> list[tuple[int, int]]:
    """(length, kinds) per place."""
    return [(value // 16 + 1 if value else 0, value % 16) for value in values.tolist()]


def test_longest_word_from_its_first_place(lexicon: Lexicon, fold: Codes) -> None:
    found = as_pairs(lexicon.match(encode("在北京大學", fold)).first)
    assert found == [(0, 0), (4, ORGANISATION), (0, 0), (2, WORD), (0, 0)]


def test_longest_word_to_its_last_place(lexicon: Lexicon, fold: Codes) -> None:
    found = as_pairs(lexicon.match(encode("在北京大学", fold)).last)
    assert found == [(0, 0), (0, 0), (2, PLACE), (0, 0), (4, ORGANISATION)]


def test_names_are_told_from_words(lexicon: Lexicon, fold: Codes) -> None:
    found = lexicon.match(encode("王国大学", fold))
    assert as_pairs(found.first) == [(2, WORD), (0, 0), (2, WORD), (0, 0)]
    assert not found.first_name.any()
    assert not found.last_name.any()


def test_dropped_names_are_overlooked_and_words_stay(lexicon: Lexicon, fold: Codes) -> None:
    codes = encode("王国维在北京", fold)
    found = lexicon.match(codes, np.ones((LENGTHS, len(codes)), np.bool_))
    assert as_pairs(found.first)[0] == (2, WORD)
    assert not found.first_name.any()


@pytest.mark.parametrize("text", ["北", "京大", "北京"])
def test_texts_shorter_than_a_word(lexicon: Lexicon, fold: Codes, text: str) -> None:
    expected = (2, PLACE) if text == "北京" else (0, 0)
    assert as_pairs(lexicon.match(encode(text, fold)).first)[0] == expected


def test_all_of_many_words_are_found_again(fold: Codes) -> None:
    words = {chr(0x4E00 + i // 300) + chr(0x5E00 + i % 300): 1 + i % 15 for i in range(60_000)}
    lexicon = Lexicon.build(words, fold)
    codes = np.array([[ord(each) for each in word] for word in words], np.uint16)
    found = [lexicon.kinds(hashes(pair)[:1, :1])[0, 0] for pair in codes[::60]]
    assert found == list(words.values())[::60]


def test_strings_that_are_no_words_are_seldom_taken_for_one(fold: Codes) -> None:
    words = {chr(0x4E00 + i // 300) + chr(0x5E00 + i % 300): WORD for i in range(60_000)}
    lexicon = Lexicon.build(words, fold)
    others = np.random.default_rng(1).integers(0x7000, 0x9FFF, 200_000).astype(np.uint16)
    assert (lexicon.kinds(hashes(others)) > 0).mean() < 1e-3


def test_too_many_words_are_refused(fold: Codes) -> None:
    words = {chr(0x4E00 + i // 1000) + chr(0x5E00 + i % 1000): WORD for i in range(540_000)}
    with pytest.raises(ValueError, match="too full"):
        Lexicon.build(words, fold)
