"""Names of people, word for word: "Greta Vogel" and "Vogel" agree on what Vogel is called.

A word keeps its kind (given, family), gender where the lists tell it, language and case. What
it becomes is drawn from the conversation's secret and never given to a second word.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final

from guardrails.pii.masking.surrogates import pools
from guardrails.pii.masking.surrogates.language import CJK, language_of_name

_WORD: Final = re.compile(r"[^\W\d_]+")
_SHORTEST_PART: Final = 3
_TRIES: Final = 40
_FEMALE: Final = frozenset(word.casefold() for words in pools.FEMALE.values() for word in words)
_MALE: Final = frozenset(word.casefold() for words in pools.MALE.values() for word in words)
_FEMALE_ENDINGS: Final = ("ina", "ella", "etta", "issa", "ette", "elle", "ine", "ie", "a")


class NameWords:
    """Words of names and their surrogates, in one conversation.

    Args:
        draw: random numbers for a word, the same ones each time.
        is_free: whether a word may be given away: nothing in the request is called so.
    """

    def __init__(self, draw: Callable[[str], Random], is_free: Callable[[str], bool]) -> None:
        self._draw = draw
        self._is_free = is_free
        self._words: dict[str, str] = {}
        self._given_away: set[str] = set()

    def learn(self, value: str, surrogate: str) -> None:
        """Take over what an earlier turn decided."""
        pairs = list(_pairs(value, surrogate))
        for word, other in pairs:
            key = word.casefold()
            if key not in self._words and other.casefold() not in self._given_away:
                self._words[key] = other.casefold()
                self._given_away.add(other.casefold())

    def name(self, value: str, language: str) -> str | None:
        """A surrogate for a whole name."""
        if CJK.search(value):
            return self._chinese(value)
        spoken = language_of_name(value, language)
        words = [match for match in _WORD.finditer(value) if not _stays(match[0])]
        if not words or any(map(str.isdigit, value)):
            return None
        given = _given_words(value, words)
        parts: list[str] = []
        position = 0
        for index, match in enumerate(words):
            pool = _given_pool(match[0], spoken) if index in given else pools.FAMILY[spoken]
            replaced = self.word(match[0], pool)
            if replaced is None:
                return None
            parts += (value[position : match.start()], replaced)
            position = match.end()
        return "".join(parts) + value[position:]

    def word(self, word: str, pool: Sequence[str]) -> str | None:
        """A surrogate for one word, in its case; ``None`` where the pool is used up."""
        key = word.casefold()
        if key in self._words and self._is_free(self._words[key]):
            return _in_case(self._words[key], word)
        letters = "ABCDEFGHIJKLMNOPRSTUVW"
        initial = len(word) == 1 and not CJK.match(word)
        random = self._draw(key)
        for _ in range(_TRIES):
            chosen = random.choice(letters if initial else pool)
            folded = chosen.casefold()
            taken = folded in self._given_away or folded == key or folded in self._words
            if not taken and (len(folded) == 1 or self._is_free(folded)):
                self._words[key] = folded
                self._given_away.add(folded)
                return _in_case(chosen, word)
        return None

    def _chinese(self, value: str) -> str | None:
        if not all(map(CJK.match, value)) or len(value) > 4:
            return None
        surname, given = _split_chinese(value)
        if len(given) > 2:
            return None
        family = self.word(surname, pools.ZH_FAMILY) if len(surname) == 1 else ""
        if len(surname) == 2:
            family = self.word(surname, pools.ZH_COMPOUND)
        called = self.word(given, _chinese_given(given)) if given else ""
        return None if family is None or called is None else family + called


def parts_of(value: str, surrogate: str) -> Iterator[tuple[str, str]]:
    """``(part of the surrogate, part of the value)`` that stand for each other alone."""
    if CJK.search(value):
        surname, given = _split_chinese(value)
        if surname and len(given) == 2 and len(surrogate) == len(value):
            yield surrogate[len(surname) :], given
        return
    for word, other in _pairs(value, surrogate):
        if len(word) >= _SHORTEST_PART and len(other) >= _SHORTEST_PART:
            yield other, word


def _pairs(value: str, surrogate: str) -> Iterator[tuple[str, str]]:
    if CJK.search(value):
        surname, given = _split_chinese(value)
        if len(surrogate) == len(value):
            pairs = (surname, surrogate[: len(surname)]), (given, surrogate[len(surname) :])
            yield from (pair for pair in pairs if pair[0])
        return
    words, others = _WORD.findall(value), _WORD.findall(surrogate)
    if len(words) == len(others):
        yield from (pair for pair in zip(words, others, strict=True) if not _stays(pair[0]))


def _stays(word: str) -> bool:
    folded = word.casefold()
    return folded in pools.TITLES or folded in pools.PARTICLES


def _given_words(value: str, words: Sequence[re.Match[str]]) -> set[int]:
    """Which words are given names: all but the last, or those after a comma."""
    if len(words) == 1:
        folded = words[0][0].casefold()
        return {0} if folded in _FEMALE or folded in _MALE else set()
    comma = value.find(",")
    if comma >= 0:
        return {index for index, word in enumerate(words) if word.start() > comma}
    return set(range(len(words) - 1))


def _given_pool(word: str, language: str) -> Sequence[str]:
    folded = word.casefold()
    female, male = folded in _FEMALE, folded in _MALE
    if female == male:
        return pools.EITHER[language] if not _sounds_female(folded) else pools.FEMALE[language]
    return pools.FEMALE[language] if female else pools.MALE[language]


def _sounds_female(folded: str) -> bool:
    return len(folded) > 3 and folded.endswith(_FEMALE_ENDINGS) and folded not in {"luca", "joshua"}


def _in_case(chosen: str, word: str) -> str:
    if word.isupper() and (len(word) > 1 or chosen.isupper()):
        return chosen.upper()
    if word.islower():
        return chosen.lower()
    return chosen[:1].upper() + chosen[1:]


def _split_chinese(value: str) -> tuple[str, str]:
    if value[:2] in pools.ZH_COMPOUND:
        return value[:2], value[2:]
    if (
        len(value) > 1
        and value[0] in pools.ZH_SURNAMES
        and (len(value) > 2 or not _is_given(value))
    ):
        return value[0], value[1:]
    return "", value


def _is_given(value: str) -> bool:
    return value in pools.ZH_FEMALE or value in pools.ZH_MALE


def _chinese_given(given: str) -> Sequence[str]:
    female = sum(character in pools.ZH_FEMALE_MARKS for character in given)
    male = sum(character in pools.ZH_MALE_MARKS for character in given)
    if len(given) == 1:
        return pools.ZH_FEMALE_ONE if female > male else pools.ZH_MALE_ONE
    return pools.ZH_FEMALE if female > male else pools.ZH_MALE
