"""Made-up persons: Chinese, transliterated, Japanese and Korean names."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from guardrails.pii.names_zh.training import wordlists as words

_END = "$"
_KNOWN = 0.3


class People:
    """Draws names; a part of them are known ones, most are put together.

    Args:
        lexica: ``person`` and ``foreign`` lists (``lexica.py`` makes them).
    """

    def __init__(self, lexica: Mapping[str, Any], random: Random) -> None:
        self._random = random
        surnames = set(words.SURNAMES)
        persons: Sequence[str] = lexica["person"]
        self._chinese = [name for name in persons if name[0] in surnames and len(name) <= 3]
        self._other = [name for name in persons if name[0] not in surnames and len(name) <= 5]
        self._foreign: Sequence[str] = lexica["foreign"]
        known = Counter(character for name in self._chinese for character in name[1:])
        given = [(each, count) for each, count in known.items() if count >= 15]
        self._given = [each for each, _ in given], [count**0.75 for _, count in given]
        # Surnames are listed by how common they are; Zipf's law is near enough.
        self._surname_weights = [1 / (place + 8) for place in range(len(words.SURNAMES))]
        self._syllables = self._chain(self._foreign)

    def chinese(self) -> str:
        """A full name of two to four characters."""
        draw = self._random.random()
        if draw < _KNOWN:
            return self._random.choice(self._chinese)
        if draw < _KNOWN + 0.05:
            return self._random.choice(self._other)
        return self.surname() + self.given() + (self.given() if self._random.random() < 0.8 else "")

    def surname(self) -> str:
        """A family name."""
        if self._random.random() < 0.02:
            return self._random.choice(words.DOUBLE_SURNAMES)
        return self._random.choices(words.SURNAMES, self._surname_weights)[0]

    def given(self) -> str:
        """One character of a given name."""
        return self._random.choices(*self._given)[0]

    def foreign(self) -> str:
        """A transliterated, Japanese or Korean name."""
        draw = self._random.random()
        if draw < 0.12:
            family = self._random.choice(words.JAPANESE_SURNAMES)
            return family + (self._random.choice(words.JAPANESE_GIVEN) if draw < 0.1 else "")
        if draw < 0.17:
            return self._random.choice(words.KOREAN_SURNAMES) + self.given() + self.given()
        if draw < 0.55:
            return self._transliterated()
        parts = 3 if draw > 0.95 else 2
        return "·".join(self._transliterated() for _ in range(parts))

    def _transliterated(self) -> str:
        if self._random.random() < _KNOWN:
            return self._random.choice(self._foreign)
        for _ in range(20):
            name = self._walk()
            if 2 <= len(name) <= 6:
                return name
        return self._random.choice(self._foreign)

    def _walk(self) -> str:
        name, last = "", ""
        while len(name) < 8:
            last = self._random.choice(self._syllables[last])
            if last == _END:
                break
            name += last
        return name

    @staticmethod
    def _chain(names: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Which characters follow a character, as often as they do."""
        follow: dict[str, list[str]] = defaultdict(list)
        for name in names:
            for one, next_one in zip(["", *name], [*name, _END], strict=True):
                follow[one].append(next_one)
        return follow
