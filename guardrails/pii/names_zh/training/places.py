"""Places of every size: countries, provinces, cities, counties, towns, rivers, streets."""

# A word list, or a condition on words, reads best on one line.
# ruff: noqa: E501

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from guardrails.pii.names_zh.training import wordlists as words

_PROVINCE, _CITY, _DISTRICT, _TOWN = range(4)


class Places:
    """Draws places.

    Args:
        lexica: ``adm`` (level, full name, short name) in the order of the tree, ``country``,
            ``foreign_city``, ``geo`` and ``place`` lists (``lexica.py`` makes them).
    """

    def __init__(self, lexica: Mapping[str, Any], random: Random) -> None:
        self._random = random
        self._chains: list[list[tuple[str, str]]] = []
        self._cities: list[tuple[str, str]] = []
        above: dict[int, tuple[str, str]] = {}
        for level, full, short in lexica["adm"]:
            above[level] = (full, short or full)
            if level in (_DISTRICT, _TOWN) and not full.endswith("辖区"):
                self._chains.append([above[each] for each in range(level + 1) if each in above])
            if level in (_PROVINCE, _CITY):
                self._cities.append(above[level])
        self._countries: Sequence[Sequence[str]] = lexica["country"]
        self._foreign: Sequence[str] = lexica["foreign_city"]
        self._geo: Sequence[str] = lexica["geo"]

    def country(self) -> str:
        """Usually a short name."""
        if self._random.random() < 0.5:
            return self._random.choice(words.COUNTRIES_MORE)
        names = self._random.choice(self._countries)
        return names[0] if self._random.random() < 0.93 else names[-1]

    def region(self) -> str:
        """A part of the world or of a country."""
        return self._random.choice(words.REGIONS)

    def state(self) -> str:
        """The one-character name of a country, as in 中美关系."""
        return self._random.choice(words.STATES_SHORT)

    def city(self) -> str:
        """A Chinese province or city, mostly without what kind it is."""
        full, short = self._random.choice(self._cities)
        return short if self._random.random() < 0.75 else full

    def foreign_city(self) -> str:
        """A city abroad."""
        return self._random.choice(self._foreign)

    def spot(self) -> str:
        """A mountain, river, street, park, sight."""
        known = self._random.random() < 0.4
        return self._random.choice(words.PLACES_MORE if known else self._geo)

    def local(self) -> list[str]:
        """Some steps of an address, the wider before the narrower."""
        chain = self._random.choice(self._chains)
        depth = self._random.choice((1, 1, 2, 2, 2, 3))
        steps = [full if self._random.random() < 0.75 else short for full, short in chain[-depth:]]
        if self._random.random() < 0.12:
            steps.append(self._random.choice("张王李赵刘杨陈下上大小东西南北前后石马高") + self._random.choice(("家村", "庄村", "河村", "坪村", "坝村", "湾村", "沟村")))  # fmt: skip
        return list(dict.fromkeys(steps))

    def any_place(self) -> str:
        """Any of them."""
        kinds = (self.city, self.city, self.foreign_city, self.country, lambda: self.local()[-1])
        return self._random.choice(kinds)()
