"""Choose the words of the lexicon: a list's word counts where the teacher agrees.

``python -m guardrails.pii.names_zh.training.lexica DATA_DIR`` reads ``candidates.json`` and
``words.labelled.jsonl`` and writes ``lexica.json``: persons, places, organisations and ordinary
words, and the lists that the templates draw from. Dictionaries tag 明白 as a person and 医院 as a
place; the teacher, asked for the bare word, drops most of that.
"""

# A word list, or a condition on words, reads best on one line.
# ruff: noqa: E501

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final

from guardrails.pii.names_zh.training.sources import read_rows
from guardrails.pii.names_zh.training.wordlists import SURNAMES

_PLACE_END: Final = re.compile(
    "(?:省|市|县|区|镇|乡|村|州|盟|旗|街道|大街|大道|路|桥|岛|山|湖|河|江|湾|港)$"
)
_SPOT_END: Final = re.compile("(?:山|河|湖|江|路|桥|公园|广场|寺|大街|岛|水库|机场|站|峡|沟|岭|港|湾|溪|峰|关|塔|楼|庙|陵|园|湿地|草原|盆地|高原|平原|大道|巷|胡同)$")  # fmt: skip
_ORDINARY: Final = frozenset({"n", "v", "a", "m", "d", "vn", "ad", "nz"})
_BRANDS: Final = 30_000
_HOME: Final = frozenset({"CN", "TW", "HK", "MO"})


def choose(candidates: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """The lists of ``lexica.json``.

    Args:
        tags: the teacher's tag of each word that it takes for one word.
    """
    lists = {kind: set(words) for kind, words in candidates["lists"].items()}
    frequency: Mapping[str, int] = candidates["frequency"]
    fold = dict(candidates["fold"])
    cities = [
        ("".join(fold.get(each, each) for each in name), country, people, tags.get(name))
        for name, country, people in candidates["city"]
    ]
    persons = {word for word in lists["P"] if _is_person(word, tags, frequency)}
    places = {word for word in lists["L"] if _is_place(word, tags, frequency)}
    places |= set(_divisions(candidates["adm"], tags, frequency))
    places |= {name for row in candidates["country"] for names in row for name in names.split("/")}
    places |= {name for name, _, people, tag in cities if tag in ("LOC", "PER", "nz") or people >= 150_000}  # fmt: skip
    places = {word for word in places if not _too_plain(word, tags, frequency)}
    bodies = {word for word in lists["O"] if tags.get(word) in ("ORG", "nz") or (word not in tags and len(word) >= 4)}  # fmt: skip
    bodies |= {word for kind in "LZP" for word in lists[kind] if tags.get(word) == "ORG"}
    names = persons | places | bodies
    words = {word for word in lists["W"] if tags.get(word) not in ("PER", "LOC", "ORG") or frequency.get(word, 0) > 2_000}  # fmt: skip
    words |= {word for kind in "PLZO" for word in lists[kind] - names if tags.get(word) in _ORDINARY and 2 <= len(word) <= 5}  # fmt: skip
    abroad = {name for name, country, people, tag in cities if country not in _HOME and people >= 60_000 and tag in ("LOC", "PER", "nz") and name[-1] not in "市县"}  # fmt: skip
    brands = [word for word in candidates["brand"] if re.fullmatch("[\u4e00-\u9fff]{2,4}", word) and tags.get(word) not in _ORDINARY]  # fmt: skip
    return {
        "person": sorted(persons),
        "place": sorted(places),
        "organisation": sorted(bodies),
        "word": sorted(words),
        "fold": sorted(candidates["fold"]),
        "adm": candidates["adm"],
        "country": [row[:2] for row in candidates["country"]],
        "foreign_city": sorted(abroad),
        "geo": sorted(word for word in places if _SPOT_END.search(word) and len(word) <= 6),
        "brand": Random(2).sample(brands, min(_BRANDS, len(brands))),
        "foreign": sorted(_transliterated(persons)),
    }


def _is_person(word: str, tags: Mapping[str, str], frequency: Mapping[str, int]) -> bool:
    common = len(word) == 2 and frequency.get(word, 0) > 300
    return tags.get(word) == "PER" and 2 <= len(word) <= 8 and not common


def _is_place(word: str, tags: Mapping[str, str], frequency: Mapping[str, int]) -> bool:
    tag = tags.get(word, "split")
    if tag == "LOC":
        return True
    known = frequency.get(word, 0) >= 30 and _PLACE_END.search(word) is not None
    return known and tag in ("PER", "nz", "split")


def _too_plain(word: str, tags: Mapping[str, str], frequency: Mapping[str, int]) -> bool:
    ordinary = tags.get(word) in ("n", "v", "a", "d", "vn")
    return ordinary and frequency.get(word, 0) > 300 and word[-1] not in "省市县区镇乡村"


def _divisions(
    rows: Iterable[tuple[int, str, str]], tags: Mapping[str, str], frequency: Mapping[str, int]
) -> Iterable[str]:
    for level, full, short in rows:
        yield full
        safe = level <= 1 or tags.get(short) == "LOC" or frequency.get(short, 0) < 50
        if len(short) >= 2 and safe:
            yield short


def _transliterated(persons: set[str]) -> Iterable[str]:
    """Names written in the characters that long foreign names are written in."""
    common = set(SURNAMES[:150])
    count = Counter(each for name in persons if len(name) >= 4 and name[0] not in common for each in name)  # fmt: skip
    sounds = {character for character, times in count.items() if times >= 15}
    for name in persons:
        chinese = name[0] in common and len(name) <= 3
        if not chinese and set(name) <= sounds:
            yield name


def whole_tags(path: Path) -> dict[str, str]:
    """The teacher's tag of each text that it takes for one word."""
    rows = (row for row in read_rows(path) if len(row["words"]) == 1)
    return {row["text"]: row["words"][0][1] for row in rows}


def main() -> None:
    """See the module."""
    folder = Path(sys.argv[1])
    candidates = json.loads((folder / "candidates.json").read_text("utf-8"))
    lexica = choose(candidates, whole_tags(folder / "words.labelled.jsonl"))
    (folder / "lexica.json").write_text(json.dumps(lexica, ensure_ascii=False), "utf-8")
    print({name: len(words) for name, words in lexica.items()})


if __name__ == "__main__":
    main()
