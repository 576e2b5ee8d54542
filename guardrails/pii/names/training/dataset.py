"""The training set as a whole: how much of which source."""

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from guardrails.pii.names.training.code import program_text
from guardrails.pii.names.training.corpus import is_held_out, labelled, raw_texts
from guardrails.pii.names.training.examples import Example
from guardrails.pii.names.training.gazetteers import Gazetteers
from guardrails.pii.names.training.generate import filled, refilled
from guardrails.pii.names.training.pseudo import pseudo_labelled

_FILLED: Final = 45_000
_PROGRAM: Final = 4_000
_RAW: Final = 45_000
_SILVER: Final = 0.5
_PSEUDO: Final = 0.7


def base_set(folder: Path, pools: Gazetteers, generator: random.Random) -> list[Example]:
    """Everything but pseudo-labelled text."""
    gold = [example for example in labelled(folder) if not is_held_out(example)]
    examples = [*gold_examples(gold, pools, generator)]
    examples += filled(pools, generator, _FILLED)
    examples += program_text(generator, _PROGRAM)
    return examples


def with_pseudo(
    base: Sequence[Example],
    pseudo: Sequence[Example],
    pools: Gazetteers,
    generator: random.Random,
) -> list[Example]:
    """The base, the pseudo-labelled text, and its tweets with other names."""
    return [*base, *pseudo, *refilled(tweets(pseudo), pools, generator, share=0.5)]


def gold_examples(
    gold: Sequence[Example], pools: Gazetteers, generator: random.Random
) -> Iterable[Example]:
    """The labelled sets as they are, and filled anew with other names."""
    presidio = [example for example in gold if example.source == "pii_en"]
    german = [example for example in gold if example.source == "ner_de"]
    silver = [example for example in gold if example.source == "ner_wikiann"]
    yield from (example.reweighted(_SILVER) for example in silver)
    yield from presidio
    english_names, german_names = names_of(silver, "en"), names_of([*silver, *german], "de")
    for _ in range(6):
        yield from refilled(presidio, pools, generator, share=0.9, local=english_names)
    for _ in range(2):
        yield from german
    for _ in range(6):
        yield from refilled(german, pools, generator, share=0.6, local=german_names, nouns=0.25)


def pseudo_examples(folder: Path, pools: Gazetteers, generator: random.Random) -> list[Example]:
    """Real English text with spaCy's labels."""
    texts = sorted(set(raw_texts(folder)))
    generator.shuffle(texts)
    known = frozenset(
        name.lower()
        for pool in (pools.first, pools.last, pools.big_cities, pools.known, pools.teams,
                     pools.famous, pools.countries["en"])
        for name in pool
    )  # fmt: skip
    return [example.reweighted(_PSEUDO) for example in pseudo_labelled(texts[:_RAW], known)]


def tweets(examples: Iterable[Example]) -> list[Example]:
    """Those of the one source of tweets that name somebody."""
    return [example for example in examples if example.source == "davidson" and example.spans]


def names_of(examples: Iterable[Example], lang: str) -> Mapping[str, list[str]]:
    """The names of a set by kind."""
    names: dict[str, list[str]] = {}
    for example in examples:
        for span in example.spans:
            if example.lang == lang and 2 < span.end - span.start < 40:
                names.setdefault(span.kind, []).append(example.text[span.start : span.end])
    return names
