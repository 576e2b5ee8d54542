"""Reads the labelled sets and holds rows back for judging: by template where a set has any.

The files are those of the data folder; ``MODEL_CARD.md`` names their sources and licences.
"""

import hashlib
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from guardrails.pii.names.training.examples import ALL, NAMES, Example, Labelled, tidy

_KIND: Final = {
    "PER": "PERSON",
    "PERSON": "PERSON",
    "LOC": "LOCATION",
    "LOCATION": "LOCATION",
    "ORG": "ORGANIZATION",
    "ORGANIZATION": "ORGANIZATION",
    "ADDRESS": "STREET_ADDRESS",
    "DATE_TIME": "DATE_TIME",
    "TITLE": "TITLE",
    "PREFIX": "TITLE",
}
# What presidio-research generated_large marks.
_PRESIDIO: Final = ALL - {"AGE", "NRP"}
_HELD_OUT_PERCENT: Final = {"pii_en": 20, "ner_de": 20, "ner_wikiann": 5}


def rows(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """The rows of a set."""
    with (folder / f"{name}.jsonl").open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def labelled(folder: Path) -> Iterator[Example]:
    """All rows of the labelled sets."""
    for name in _HELD_OUT_PERCENT:
        for row in rows(folder, name):
            spans = [
                Labelled(span["start"], span["end"], _KIND[span["label"]])
                for span in row["spans"]
                if span["label"] in _KIND
            ]
            yield Example(
                row["text"],
                tidy(spans),
                _PRESIDIO if name == "pii_en" else NAMES,
                name,
                row["lang"],
                _template(row) if name == "pii_en" else row["text"],
            )


def is_held_out(example: Example) -> bool:
    """Never trained on; decided by the hash of the group, so it never changes."""
    digest = hashlib.sha256(example.group.encode("utf-8", "replace")).digest()
    return digest[0] * 100 // 256 < _HELD_OUT_PERCENT.get(example.source, 0)


def raw_texts(folder: Path) -> Iterator[tuple[str, str]]:
    """``(source, text)`` of texts without labels: tweets, forum posts, prompts, questions."""
    for row in rows(folder, "moderation"):
        yield row["source"], html.unescape(row["text"])
    for row in rows(folder, "routing"):
        yield row["source"], row["prompt"]
    for row in rows(folder, "injection"):
        if row["lang"] == "en" and not row["attack"]:
            yield row["source"], row["text"]
    for row in rows(folder, "routing_quality"):
        yield row["source"], row["prompt"]


def _template(row: dict[str, Any]) -> str:
    """The text with its spans replaced by their labels."""
    text = row["text"]
    for span in sorted(row["spans"], key=lambda one: -one["start"]):
        text = text[: span["start"]] + f"{{{span['label']}}}" + text[span["end"] :]
    return re.sub(r"\s+", " ", text.lower())
