"""Sentences made from templates: news, chats and prompts, and plain text without names.

``templates/*.txt`` hold one sentence a line. ``<PC>`` and its like are slots (``_SLOTS`` below);
``{O<L>县委}`` is one name put together; slots of words that are no names (``<d>`` a date, ``<n>``
a number, ``<t>`` a title, ``<x>`` a topic) stay unmarked.
"""

# A word list, or a condition on words, reads best on one line.
# ruff: noqa: E501

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from guardrails.pii.names_zh.training import wordlists as words
from guardrails.pii.names_zh.training.organisations import Organisations
from guardrails.pii.names_zh.training.people import People
from guardrails.pii.names_zh.training.places import Places
from guardrails.pii.names_zh.training.sample import Sample, parse

_FOLDER: Final = Path(__file__).parent / "templates"
_SLOT: Final = re.compile(r"<(\w+?)x?>")
_BRACED: Final = re.compile(r"\{([PLOX])([^{}]*<[^{}]*)\}")
_DATES: Final = "昨天 今天 日前 近日 5日 12日 3月8日 上午 去年 今年以来 2019年 一九九七年七月 本月初 当地时间3日 22日晚 上周五 近期".split()  # fmt: skip
_NUMBERS: Final = (
    "3 12 28 45 60 120 三 五 十 二十八 两百 3.5 1.2万 十几 数百 4200 一 两 七 2008".split()
)
_OFFICES: Final = "公安机关 民政部门 法院 检察机关 卫生部门 税务部门".split()

Marked = Callable[[], str]


class Templates:
    """Fills templates from the lexica; the same random numbers give the same sentences."""

    def __init__(self, lexica: Mapping[str, Any], random: Random) -> None:
        self._random = random
        people, places = People(lexica, random), Places(lexica, random)
        self._slots = _slots(people, places, Organisations(lexica, places, people, random), random)
        self._lines = {
            path.stem: path.read_text("utf-8").split("\n") for path in _FOLDER.glob("*.txt")
        }

    def samples(self, kind: str, count: int) -> Iterator[Sample]:
        """Sentences of ``news``, ``chat`` or ``plain``, one to three in a text."""
        lines = [line for line in self._lines[kind] if line]
        for _ in range(count):
            chosen = self._random.choices(lines, k=self._random.choice((1, 1, 1, 2, 2, 3)))
            joint = self._random.choice(("", "", "\n", " "))
            yield parse(joint.join(self.fill(line) for line in chosen))

    def fill(self, line: str) -> str:
        """A line with its slots filled, names marked."""
        line = _BRACED.sub(lambda each: f"{{{each[1]}{self._plain(each[2])}}}", line)
        return _SLOT.sub(lambda each: self._slots[each[1]](), line)

    def name(self, letter: str) -> str:
        """Any name of a kind, to stand where another stood."""
        slots: Sequence[str] = {
            "P": ("PC", "PC", "PC", "PF"),
            "L": ("LC", "LC", "LN", "LF", "LG", "LX"),
            "O": ("OC", "OC", "OU", "OG", "OM", "OB"),
        }[letter]
        return self._plain(f"<{self._random.choice(slots)}>")

    def _plain(self, line: str) -> str:
        return parse(_SLOT.sub(lambda each: self._slots[each[1]](), line)).text


def _slots(
    people: People, places: Places, organisations: Organisations, random: Random
) -> dict[str, Marked]:
    def marked(letter: str, draw: Marked) -> Marked:
        return lambda: f"{{{letter}{draw()}}}"

    def listed(values: Sequence[str]) -> Marked:
        return lambda: random.choice(values)

    persons = {"PC": people.chinese, "PF": people.foreign, "PS": people.surname}
    where = {
        "L": places.any_place, "LC": places.city, "LN": places.country, "LX": places.region,
        "LF": places.foreign_city, "LG": places.spot,
    }  # fmt: skip
    bodies = {
        "OG": organisations.authority, "OR": organisations.court, "OJ": organisations.prosecutor,
        "OP": organisations.police, "OC": organisations.firm, "OU": organisations.university,
        "OSch": organisations.school, "OH": organisations.hospital, "OM": organisations.media,
        "OB": organisations.club, "OA": organisations.society, "OF2": organisations.law_firm,
        "OI": listed(words.INTERNATIONAL), "OS": listed(words.INSTITUTES),
        "OPub": listed(words.PUBLISHERS), "OF": listed(words.FOUNDATIONS), "OL": listed(words.ARMY),
    }  # fmt: skip
    slots: dict[str, Marked] = {
        "d": listed(_DATES), "n": listed(_NUMBERS), "t": listed(words.TITLES),
        "x": listed(words.TOPICS), "OGs": listed(_OFFICES), "g": people.given, "s": places.state,
        "LD": lambda: "".join(f"{{L{step}}}" for step in places.local()),
    }  # fmt: skip
    for letter, group in (("P", persons), ("L", where), ("O", bodies)):
        slots |= {slot: marked(letter, draw) for slot, draw in group.items()}
    return slots
