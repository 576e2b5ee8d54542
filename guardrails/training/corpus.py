"""Labelled texts for training: the public sets of a data folder plus our own phrases.

Every example carries its source, so that sources can be balanced and held out whole.
Nothing of the folder is copied into the repository.
"""

import html
import json
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guardrails.training.grammar import Grammar

_TWEET = re.compile(r"\bRT\b:?|@\w+:?|https?://\S+|#(?=\w)|&#\d+;")
_SPACE = re.compile(r"[ \t]+")
LANGUAGES = ("en", "de", "fr", "zh")


@dataclass(frozen=True, slots=True)
class Example:
    """One text. ``label`` is 1 for what the guard looks for; ``category`` where known."""

    text: str
    label: int
    source: str
    lang: str = "en"
    category: str | None = None


def rows(data: Path, name: str) -> Iterator[dict[str, Any]]:
    """The objects of ``<data>/<name>.jsonl``."""
    with (data / f"{name}.jsonl").open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def strip_tweet(text: str) -> str:
    """Without what gives away that a text is a tweet: handles, RT, links, entities, hashes."""
    text = html.unescape(_TWEET.sub(" ", text))
    return _SPACE.sub(" ", text).strip(" :\"'.,")


def distinct(examples: Iterable[Example]) -> list[Example]:
    """Without repeated texts; a text with both labels is dropped altogether."""
    labels: dict[str, set[int]] = {}
    first: dict[str, Example] = {}
    for example in examples:
        key = _SPACE.sub(" ", example.text.casefold()).strip()
        if not key:
            continue
        labels.setdefault(key, set()).add(example.label)
        first.setdefault(key, example)
    return [example for key, example in first.items() if len(labels[key]) == 1]


def capped(examples: list[Example], limit: int, rng: random.Random) -> list[Example]:
    """At most ``limit`` texts per source and label, drawn at random: the rest adds little."""
    groups: dict[tuple[str, int], list[Example]] = {}
    for example in examples:
        groups.setdefault((example.source, example.label), []).append(example)
    return [
        example
        for group in groups.values()
        for example in (group if len(group) <= limit else rng.sample(group, limit))
    ]


def passages(data: Path, rng: random.Random) -> list[str]:
    """Ordinary sentences and paragraphs, to paste into prompts."""
    singles = [r["text"] for r in rows(data, "pii_en")] + [r["text"] for r in rows(data, "ner_de")]
    singles += [r["text"] for r in rows(data, "ner_wikiann") if len(r["text"]) > 40][:6000]
    rng.shuffle(singles)
    joined = [" ".join(singles[i : i + rng.randint(2, 6)]) for i in range(0, len(singles) - 6, 3)]
    return singles[:4000] + joined


def enterprise(data: Path, rng: random.Random, each: int = 12) -> list[Example]:
    """Our own work prompts in four languages; ``category`` holds "trend difficulty"."""
    pasted = passages(data, rng)
    found = []
    for lang in LANGUAGES:
        for heading, text in Grammar.read(f"enterprise_{lang}").expand(each, rng, pasted):
            found.append(Example(text, 0, f"own/enterprise_{lang}", lang, " ".join(heading)))
    return found


def ordinary(data: Path) -> list[Example]:
    """Harmless texts of other tasks' sets: neither unsafe nor an attack."""
    found = [Example(r["text"], 0, "pii_en") for r in rows(data, "pii_en")]
    found += [Example(r["text"], 0, "germeval", "de") for r in rows(data, "ner_de")]
    for r in rows(data, "ner_wikiann"):
        if len(r["text"]) > 60:
            found.append(Example(r["text"], 0, f"wikiann_{r['lang']}", r["lang"]))
    for r in rows(data, "routing"):
        found.append(Example(r["prompt"], 0, r["source"].split("/")[0], r["lang"]))
    for r in rows(data, "routing_quality"):
        found.append(Example(r["prompt"], 0, "mmlu"))
    return found
