"""Sentences of our own, filled with names, and real sentences filled anew.

``templates/`` holds a sentence a line; ``{PER}`` and the like are slots. News and encyclopaedias,
which the labelled sets come from, have no "Bitte schreibe eine E-Mail an ...".
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from guardrails.pii.names.training.examples import ALL, Example, Labelled
from guardrails.pii.names.training.fillers import Filled
from guardrails.pii.names.training.gazetteers import Gazetteers

_TEMPLATES: Final = Path(__file__).parent / "templates"
_SLOT: Final = re.compile(r"\{([A-Z]+)\}")
_KIND: Final = {
    "PER": "PERSON", "FIRST": "PERSON", "LAST": "PERSON", "PERTAG": "PERSON",
    "LOC": "LOCATION", "CITY": "LOCATION", "COUNTRY": "LOCATION", "STATE": "LOCATION",
    "CITYTAG": "LOCATION", "ORG": "ORGANIZATION", "TEAM": "ORGANIZATION",
    "ORGTAG": "ORGANIZATION", "TEAMTAG": "ORGANIZATION", "ADDR": "STREET_ADDRESS",
    "STREET": "STREET_ADDRESS", "ZIP": "STREET_ADDRESS", "DATE": "DATE_TIME",
    "WEEKDAY": "DATE_TIME", "MONTH": "DATE_TIME", "TITLE": "TITLE", "JOB": "TITLE",
    "AGE": "AGE", "NRP": "NRP",
}  # fmt: skip
# A German word with a capital that does not begin a sentence.
_NOUN: Final = re.compile(r"(?<=[a-zäöüß,] )[A-ZÄÖÜ][a-zäöüß]{3,}(?!\w)")
_LANG: Final = {"en": "en", "tweets": "en", "de": "de", "fr": "fr", "code": "en"}
_GENITIVE: Final = frozenset({"PER", "LAST", "FIRST", "CITY", "LOC", "COUNTRY"})
# How often a set is drawn from.
_SHARE: Final = {"en": 0.42, "tweets": 0.2, "de": 0.22, "fr": 0.1, "code": 0.06}
_REFILLED: Final = {"PERSON": "PER", "LOCATION": "CITY", "ORGANIZATION": "ORG",
                    "STREET_ADDRESS": "ADDR", "DATE_TIME": "DATE", "TITLE": "JOB"}  # fmt: skip


def templates(name: str) -> list[str]:
    """The sentences of a set."""
    lines = (_TEMPLATES / f"{name}.txt").read_text("utf-8").splitlines()
    return [line.replace("\\n", "\n").replace("\\t", "\t") for line in lines]


def filled(pools: Gazetteers, generator: random.Random, count: int) -> Iterator[Example]:
    """``count`` sentences of our templates."""
    sets = {name: templates(name) for name in _SHARE}
    for _ in range(count):
        name = generator.choices(list(_SHARE), list(_SHARE.values()))[0]
        template = generator.choice(sets[name])
        yield fill(template, Filled(pools, _LANG[name], generator), name, generator)


def fill(template: str, values: Filled, source: str, generator: random.Random) -> Example:
    """One sentence with values in its slots."""
    text, spans, position = "", list[Labelled](), 0
    for match in _SLOT.finditer(template):
        text += template[position : match.start()]
        value = values.value(match[1])
        after = template[match.end() : match.end() + 1]
        if _LANG[source] == "de" and match[1] in _GENITIVE and after == " ":
            value += "s" * (value[-1:] not in "sxzß" and generator.random() < 0.08)
        if match[1] in _KIND:
            spans.append(Labelled(len(text), len(text) + len(value), _KIND[match[1]]))
        text += value
        position = match.end()
    return Example(text + template[position:], tuple(spans), ALL, source, _LANG[source])


def refilled(
    examples: Sequence[Example],
    pools: Gazetteers,
    generator: random.Random,
    *,
    share: float,
    local: Mapping[str, list[str]] | None = None,
    nouns: float = 0.0,
) -> Iterator[Example]:
    """Each example with some of its names replaced by others of the same kind.

    Args:
        share: of the names that are replaced.
        local: names per kind to draw from half the time, such as those of the same set.
        nouns: share of capitalised words outside of names that become other German nouns.
    """
    for example in examples:
        values = Filled(pools, example.lang, generator)
        text, spans, position = "", list[Labelled](), 0
        for span in example.spans:
            text += _other_nouns(example.text[position : span.start], values, nouns, generator)
            value = example.text[span.start : span.end]
            if span.kind in _REFILLED and generator.random() < share:
                drawn = values.value(_REFILLED[span.kind])
                if local and local.get(span.kind) and generator.random() < 0.5:
                    drawn = generator.choice(local[span.kind])
                value = _in_case_of(value, drawn)
            spans.append(Labelled(len(text), len(text) + len(value), span.kind))
            text += value
            position = span.end
        text += _other_nouns(example.text[position:], values, nouns, generator)
        yield Example(
            text, tuple(spans), example.annotated,
            example.source + "*", example.lang, example.group, example.weight,
        )  # fmt: skip


def _other_nouns(text: str, values: Filled, share: float, generator: random.Random) -> str:
    if not share:
        return text
    return _NOUN.sub(
        lambda match: values.value("NOUN") if generator.random() < share else match[0], text
    )


def _in_case_of(old: str, new: str) -> str:
    if old.isupper() and len(old) > 4:
        return new.upper()
    return new.lower() if old.islower() else new
