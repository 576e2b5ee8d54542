"""Finds the entries of a list in a text: thousands of values cost as much as one.

Entries are looked up by their first word, or by their first two characters where they do not
begin as a word does or may stand inside of one. All entries that begin at a place are tried,
longest first, so a shorter one is found where the longer one runs on into another word.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

# Scripts written without spaces: a value is a word wherever it stands.
_NO_SPACES: Final = "\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3040-\\u30ff\\u3400-\\u9fff"
_UNSPACED: Final = re.compile(f"[{_NO_SPACES}]")
_WORDS: Final = re.compile(rf"[^\W{_NO_SPACES}]+")

_Bucket = dict[int, set[str]]  # length -> entries of that length


def fold(text: str) -> str:
    """Lower case, with as many characters as ``text``."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := each.lower()) == 1 else each for each in text)


class WordList:
    """Values to find.

    Args:
        values: not blank; compared as they are, so bring them into NFC first.
        ignore_case: other capitals count too.
        whole_words: a value that begins or ends with a word's character is not found inside of
            a longer word, except in scripts without spaces.
    """

    def __init__(
        self, values: Iterable[str], *, ignore_case: bool = True, whole_words: bool = True
    ) -> None:
        self._fold = fold if ignore_case else str
        self._whole = whole_words
        self._by_word: dict[str, _Bucket] = {}
        self._by_pair: dict[str, _Bucket] = {}
        for value in values:
            self._add(self._fold(value))
        firsts = sorted({pair[0] for pair in self._by_pair})
        self._firsts = re.compile(f"[{re.escape(''.join(firsts))}]") if firsts else None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where entries stand, sorted; none overlap."""
        folded = self._fold(text)
        found = sorted({*self._of_words(folded), *self._of_pairs(folded)}, key=_longest_first)
        kept: list[tuple[int, int]] = []
        for start, end in found:
            if not kept or start >= kept[-1][1]:
                kept.append((start, end))
            elif end > kept[-1][1]:
                kept[-1] = (kept[-1][0], end)
        return kept

    def _add(self, value: str) -> None:
        word = _WORDS.match(value)
        if self._whole and word is not None and not _UNSPACED.search(value):
            bucket = self._by_word.setdefault(word[0], {})
        else:
            bucket = self._by_pair.setdefault(value[:2], {})
        bucket.setdefault(len(value), set()).add(value)

    def _of_words(self, text: str) -> Iterator[tuple[int, int]]:
        if not self._by_word:
            return
        for word in _WORDS.finditer(text):
            bucket = self._by_word.get(word[0])
            if bucket is not None:
                yield from self._in_bucket(bucket, text, word.start())

    def _of_pairs(self, text: str) -> Iterator[tuple[int, int]]:
        if self._firsts is None:
            return
        for first in self._firsts.finditer(text):
            start = first.start()
            for pair in {text[start : start + 2], text[start]}:
                bucket = self._by_pair.get(pair)
                if bucket is not None and (not self._whole or _is_edge(text, start)):
                    yield from self._in_bucket(bucket, text, start)

    def _in_bucket(self, bucket: _Bucket, text: str, start: int) -> Iterator[tuple[int, int]]:
        for length, entries in bucket.items():
            end = start + length
            if text[start:end] in entries and (not self._whole or _is_edge(text, end)):
                yield start, end


def _longest_first(span: tuple[int, int]) -> tuple[int, int]:
    return span[0], -span[1]


def _is_edge(text: str, position: int) -> bool:
    """Whether no word goes on over ``position``."""
    if position == 0 or position >= len(text):
        return True
    before, after = text[position - 1], text[position]
    if _UNSPACED.match(before) or _UNSPACED.match(after):
        return True
    if unicodedata.category(after)[0] == "M":
        return False
    return not (_is_word(before) and _is_word(after))


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
