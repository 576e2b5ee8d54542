"""The recognizer with the shipped weights: names found, everyday text left alone."""

import subprocess
import sys

import pytest

from guardrails.pii.names.tagger import LEAST, WEIGHTS
from guardrails.pii.recognizers.names import NameRecognizer

NAMES = ["PERSON", "LOCATION", "ORGANIZATION"]


@pytest.fixture(scope="module")
def recognizer() -> NameRecognizer:
    return NameRecognizer()


def _found(recognizer: NameRecognizer, text: str, kinds: list[str] = NAMES) -> list[str]:
    results = recognizer.analyze(text, kinds)
    return [text[one.start : one.end] for one in sorted(results, key=lambda one: one.start)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("My name is Greta Vogel and I live in Munich.", ["Greta Vogel", "Munich"]),
        ("i met barack obama in london with my friend sarah", ["barack obama", "london", "sarah"]),
        ("Ich heiße Jürgen Meier und arbeite in Hamburg.", ["Jürgen Meier", "Hamburg"]),
        ("Je m'appelle Camille Dubois et j'habite à Lyon.", ["Camille Dubois", "Lyon"]),
        ("RT @joe: LeBron James is the best player", ["LeBron James"]),
        ("Please call Oluwaseun Adeyemi or Nguyen Thanh Huong.",
         ["Oluwaseun Adeyemi", "Nguyen Thanh Huong"]),
    ],
)  # fmt: skip
def test_names_are_found(recognizer: NameRecognizer, text: str, names: list[str]) -> None:
    assert _found(recognizer, text) == names


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12345 67.8 !!",
        "你好，请帮我写一封信。",
        "Write a Python function that sorts a list of dates.",
        "Schreibe eine Funktion, die eine Liste nach dem Datum sortiert.",
        "Écris une fonction qui trie une liste de dates.",
        "Explain the difference between stocks and bonds in simple words.",
        "def area(radius: float) -> float:\n    return math.pi * radius**2",
        "from typing import Any, Optional, Union",
        "    name: Annotated[str, Doc(\n        text\n    )]",
        "Is Kubernetes better than Docker for a small team?",
        "SELECT name, city FROM customers WHERE id = 5 ORDER BY created_at DESC;",
        "Was sind die Vorteile und Nachteile einer Wärmepumpe gegenüber einer Gasheizung?",
    ],
)
def test_everyday_text_is_left_alone(recognizer: NameRecognizer, text: str) -> None:
    assert _found(recognizer, text) == []


def test_only_wanted_kinds_are_found(recognizer: NameRecognizer) -> None:
    text = "Dr. Greta Vogel, 42 years old, lives at 12 Baker Street, London."
    assert "London" not in _found(recognizer, text, ["PERSON"])
    assert {one.entity_type for one in recognizer.analyze(text, ["PERSON"])} == {"PERSON"}
    assert "42" in _found(recognizer, text, ["AGE"])


def test_an_address_keeps_its_numbers(recognizer: NameRecognizer) -> None:
    text = "Please ship it to 4711 Baker Street, Springfield 12345 tomorrow."
    (address, *_) = _found(recognizer, text, ["STREET_ADDRESS"])
    assert address.startswith("4711 Baker Street")
    assert "12345" in " ".join(_found(recognizer, text, ["STREET_ADDRESS"]))


def test_a_long_text_is_read_to_its_end(recognizer: NameRecognizer) -> None:
    filler = "The report is long and says little about the next quarter. "
    text = filler * 400 + "Please ask Greta Vogel. " + filler * 300 + "Jonas Weber agrees."
    found = " | ".join(_found(recognizer, text))
    assert "Greta Vogel" in found
    assert "Jonas Weber" in found


def test_lone_surrogates_and_control_characters_do_no_harm(recognizer: NameRecognizer) -> None:
    assert "Greta Vogel" in _found(recognizer, "\ud800\x00 I met Greta Vogel \udfff.")


def test_weights_are_small_and_have_a_threshold_for_every_kind(recognizer: NameRecognizer) -> None:
    assert WEIGHTS.stat().st_size <= 8_000_000
    assert set(recognizer.supported_entities) == set(LEAST)


def test_no_torch_and_no_spacy_are_loaded() -> None:
    code = (
        "import sys; from guardrails.pii.names.tagger import NameTagger;"
        "assert NameTagger.load().find('I met Greta Vogel.');"
        "print([name for name in ('torch', 'spacy', 'faker') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
