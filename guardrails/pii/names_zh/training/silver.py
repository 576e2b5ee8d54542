"""Silver samples: the teacher's labels on real texts, cleaned of what it gets wrong.

On chats the teacher takes slang for persons. A person counts where the lexicon has the name, or
it is built like one; other persons become unsure: neither learned as names nor as none. People
of a place (河南人) are marked by the place, as the annotated news corpora do.
"""

# A word list, or a condition on words, reads best on one line.
# ruff: noqa: E501

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final

from guardrails.pii.names_zh.training.sample import UNSURE, Sample
from guardrails.pii.names_zh.training.sources import read_rows
from guardrails.pii.names_zh.training.templates import Templates
from guardrails.pii.names_zh.training.wordlists import SURNAMES

_KINDS: Final = {"PER": "P", "LOC": "L", "ORG": "O", "nr": "P", "ns": "L", "nt": "O"}
_HAN: Final = re.compile("[\u4e00-\u9fff]")
_RELIGION: Final = re.compile(".{1,3}教")
_PEOPLE: Final = re.compile("(.{2,})[人裔籍]")
_NOT_PLACES: Final = frozenset("外国 本地 当地 内地 黄种 矿区 本国 全国".split())
# What the teacher gets wrong often in the texts at hand; an empty kind is no name.
_CORRECTED: Final = {
    "江浙沪": "L", "小米": "O", "知乎": "O", "爱奇艺": "O", "美帝": "L", "吉林": "L", "路德金": "P",
    "月球": "", "火星": "", "太阳": "", "地球": "", "天堂": "", "地狱": "", "211": "", "985": "",
} | dict.fromkeys("华 清 汉 大明 大唐 清朝 唐朝 民国 大清 满清 昆仑奴 灯塔国 支那 硅谷 好莱坞".split(), UNSURE) | dict.fromkeys(
    "黄种人 艾滋 小哥哥 辱华 阿三 白左 贤惠 吴语 印第安 老美 小白 范范 神笔马 东北银".split(), ""
)  # fmt: skip


class Silver:
    """Reads labelled texts with the lexica's help."""

    def __init__(self, lexica: Mapping[str, Any]) -> None:
        self._persons = set(lexica["person"])
        self._places = set(lexica["place"])
        self._words = set(lexica["word"])
        given = Counter(
            character
            for name in self._persons
            if len(name) <= 3 and name[0] in SURNAMES
            for character in name[1:]
        )
        self._given = {character for character, count in given.items() if count >= 12}
        sounds = Counter(each for name in self._persons if len(name) >= 4 for each in name)
        self._sounds = {character for character, count in sounds.items() if count >= 25}

    def samples(self, path: Path) -> Iterator[Sample]:
        """The samples of a file of the teacher's."""
        for row in read_rows(path):
            yield Sample(row["text"], tuple(self._names(row["text"], row["words"])))

    def _names(self, text: str, words: list[tuple[int, str]]) -> Iterator[tuple[int, int, str]]:
        start = 0
        for length, tag in words:
            word = text[start : start + length]
            kind = self._kind(word, _KINDS.get(tag, ""))
            if kind:
                yield start, start + length, kind
            elif (place := _PEOPLE.fullmatch(word)) and self._is_place(place[1]):
                yield start, start + length - 1, "L"
            start += length

    def _kind(self, word: str, kind: str) -> str:
        if kind == "" or _HAN.search(word) is None:
            return ""
        if word in _CORRECTED:
            return _CORRECTED[word]
        if (_PEOPLE.fullmatch(word) and len(word) <= 4) or (
            kind == "O" and _RELIGION.fullmatch(word)
        ):
            return ""
        return UNSURE if kind == "P" and not self._is_person(word) else kind

    def _is_place(self, word: str) -> bool:
        return word in self._places and word not in _NOT_PLACES

    def _is_person(self, word: str) -> bool:
        if word in self._persons or "·" in word:
            return True
        built = len(word) in (2, 3) and word[0] in SURNAMES and set(word[1:]) <= self._given
        if built and word not in self._words:
            return True
        return len(word) >= 3 and set(word) <= self._sounds


def swapped(sample: Sample, templates: Templates, random: Random, share: float = 0.6) -> Sample:
    """The sample with that share of its names replaced by others of their kind."""
    text, names, last = "", [], 0
    for start, end, kind in sample.names:
        text += sample.text[last:start]
        name = sample.text[start:end]
        if kind != UNSURE and len(name) > 1 and random.random() < share:
            name = templates.name(kind)
        names.append((len(text), len(text) + len(name), kind))
        text += name
        last = end
    return Sample(text + sample.text[last:], tuple(names))
