"""Training on a handful of sentences: targets, templates, and a model that learns them."""

import random
from pathlib import Path

import pytest
import torch

from guardrails.pii.names.tagger import NameTagger
from guardrails.pii.names.training.batches import Corpus, token_targets
from guardrails.pii.names.training.examples import (
    ALL,
    LABELS,
    NAMES,
    UNKNOWN,
    Example,
    Labelled,
    tidy,
)  # fmt: skip
from guardrails.pii.names.training.fillers import Filled
from guardrails.pii.names.training.fit import Recipe, fit, set_loss
from guardrails.pii.names.training.gazetteers import Gazetteers
from guardrails.pii.names.training.generate import fill, refilled, templates
from guardrails.pii.names.training.judge import judge
from guardrails.pii.names.training.relabel import relabelled

LANGS = ("en", "de", "fr")


@pytest.fixture
def pools() -> Gazetteers:
    here = ["Bonn", "Essen"]
    return Gazetteers(
        first=["Greta", "Jonas"], last=["Vogel", "Weber"], full=["Greta Vogel"], famous=["Bach"],
        cities=here, big_cities=here, german_cities=here, french_cities=here, places=here,
        known=["Siemens"], teams=["Celtics"], states=[("Ohio", "OH")], nouns=["Haus"],
        technology=["Rust"], verbs={lang: ["says"] for lang in LANGS},
        streets={"de_DE": ["Weg 3"], "fr_FR": ["1 rue A"]},
        companies={lang: ["Weber AG"] for lang in LANGS},
        jobs={lang: ["Baker"] for lang in LANGS},
        countries={lang: ["Peru"] for lang in LANGS},
        nationalities={lang: ["Dutch"] for lang in LANGS},
    )  # fmt: skip


def _example(text: str, value: str, kind: str, said: frozenset[str] = ALL) -> Example:
    start = text.index(value)
    return Example(text, (Labelled(start, start + len(value), kind),), said, "test", "en")


def test_targets_are_sets_of_labels() -> None:
    example = _example("Hi Greta Vogel", "Greta Vogel", "PERSON", NAMES)
    blank, first, second = token_targets(example, [0, 3, 9], [2, 8, 14])
    assert (first, second) == ({"B-PERSON"}, {"I-PERSON"})
    assert {"O", "B-AGE", "I-DATE_TIME"} <= blank
    assert "B-PERSON" not in blank
    unknown = _example("Hi Greta", "Greta", UNKNOWN)
    assert list(token_targets(unknown, [0, 3], [2, 8])) == [{"O"}, set(LABELS)]


def test_the_loss_asks_for_the_set_only() -> None:
    logits = torch.tensor([[[5.0, 5.0, -5.0]]])
    either = torch.tensor([[[0.0, 0.0, -1e4]]])
    neither = torch.tensor([[[-1e4, -1e4, 0.0]]])
    weights = torch.ones(1, 1)
    assert float(set_loss(logits, either, weights)) == pytest.approx(0.0, abs=1e-3)
    assert float(set_loss(logits, neither, weights)) > 5.0


def test_tidy_drops_what_overlaps() -> None:
    spans = [Labelled(4, 6, "AGE"), Labelled(0, 5, "PERSON"), Labelled(7, 7, "AGE")]
    assert tidy(spans) == (Labelled(0, 5, "PERSON"),)


@pytest.mark.parametrize("name", ["en", "tweets", "de", "fr", "code"])
def test_every_template_can_be_filled(pools: Gazetteers, name: str) -> None:
    generator = random.Random(1)
    lang = name if name in ("de", "fr") else "en"
    for template in templates(name):
        example = fill(template, Filled(pools, lang, generator), name, generator)
        assert example.spans == tidy(example.spans)
        assert all(example.text[span.start : span.end].strip() for span in example.spans)


def test_refilling_keeps_kinds_and_case(pools: Gazetteers) -> None:
    lower = _example("i live in berlin now", "berlin", "LOCATION")
    (other,) = refilled([lower], pools, random.Random(2), share=1.0)
    assert other.text in ("i live in bonn now", "i live in essen now")
    assert other.spans[0].kind == "LOCATION"


def test_a_model_learns_from_a_handful_and_can_be_read_back(tmp_path: Path) -> None:
    people = ["Greta Vogel", "Jonas Weber", "Mia Braun", "Paul Kern"]
    known = [_example(f"Hello {name}, how are you today?", name, "PERSON") for name in people]
    plain = [Example(text, (), ALL, "test", "en") for text in ("How are you?", "It works today.")]
    recipe = Recipe(epochs=60, batch=200, rate=0.01, embedding=8, hidden=24, width=16)
    fit(Corpus([*known, *plain]), recipe).export(tmp_path / "tiny.npz")
    tagger = NameTagger.load(tmp_path / "tiny.npz")
    (name,) = tagger.find("Hello Jonas Vogel, how are you?")
    assert (name.start, name.end, name.kind) == (6, 17, "PERSON")
    assert judge("known", known, tagger).startswith("known: recall 1.000, precision 1.000")
    scores = tagger.network  # the same network judges spaCy's labels
    missed = Example("Hello Greta Weber, how are you today?", (), NAMES, "test", "en")
    (opened,) = relabelled([missed], scores)
    assert [opened.text[span.start : span.end] for span in opened.spans] == ["Greta", "Weber"]
    assert {span.kind for span in opened.spans} == {UNKNOWN}
    wrong = _example("Hello Greta Weber, how are you today?", "today", "PERSON")
    (doubted,) = relabelled([wrong], scores)
    assert doubted.spans[-1] == Labelled(31, 36, UNKNOWN)
