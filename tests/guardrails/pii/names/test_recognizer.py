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


FORMS = [
    "El cliente con NIF 594761344 llamó ayer.",
    "Mi número de la Seguridad Social es 347529586036, gracias",
    "Il cliente con P. IVA 08174680945 ha chiamato ieri.",
    "Gentile cliente, la sua partita IVA 12345670017 è stata registrata.",
    "Klient, PESEL 51053038704, dzwonił wczoraj.",
    "Dzień dobry, proszę sprawdzić NIP 1234563218, dziękuję.",
    "Kunt u de rekening NL91ABNA0417164300 controleren?",
    "Hej, mitt personnummer är 811228-9874, tack så mycket.",
    "Merci de vérifier 3M2fnhYmccGibMARGshxDe9W",
    "Können Sie bestätigen, dass LTC LWvSaejB5LRkRvxxmhzPCLfd stimmt?",
    "Verify that German social insurance number 20 190465 X 015 matches.",
    "Please update the record: South African ID 850322 8188 087.",
    'Customer wrote: "TC Kimlik No 19580610066, please hurry"',
    "The reference is GTCA-3952577625.",
    "Package ORD-2020-44695 was scanned.",
    "Order EZNV-4796824800 was placed.",
    "Dossier 364-1563-NC",
    "EAN 5457818886803",
    "The price is on page 4.",
    "请核实8,257,877 USD。",
    "Ihre Bestellung 8318,87 € wurde versandt.",
    "id;ip;status\n17;205.184.37.130;open",
    "Each amulet sells for 40 dollars.",
    "Sehr geehrte Damen und Herren,",
]


@pytest.mark.parametrize("text", FORMS)
def test_labels_codes_and_prices_are_left_alone(recognizer: NameRecognizer, text: str) -> None:
    assert _found(recognizer, text, [*NAMES, "STREET_ADDRESS", "AGE"]) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Need a flight from boston to los angeles.", "los angeles"),
        ("El cliente Juan Pérez llamó ayer desde Sevilla.", "Juan Pérez"),
        ("Il cliente Marco Rossi ha chiamato ieri.", "Marco Rossi"),
        ("Geachte heer, mijn naam is Pieter de Vries en ik wacht.", "Pieter de Vries"),
        ("Order 4711 was placed by Greta Vogel.", "Greta Vogel"),
        ("Name: Jonas Weber; ID: 88213", "Jonas Weber"),
    ],
)
def test_names_beside_labels_stay(recognizer: NameRecognizer, text: str, name: str) -> None:
    assert name in _found(recognizer, text)


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


@pytest.mark.parametrize(
    "text", ["see RFC 9538 and port 8397.", "P.IVA 07983000246 for the file", "asap, ring 4711"]
)
def test_a_single_word_is_no_address_on_its_own(recognizer: NameRecognizer, text: str) -> None:
    found = recognizer.analyze(text, ["STREET_ADDRESS"])
    assert [
        text[each.start : each.end] for each in found if " " not in text[each.start : each.end]
    ] == []
