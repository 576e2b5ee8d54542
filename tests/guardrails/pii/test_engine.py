"""The engine as the gateway uses it: fail closed, cached, thread-safe, nothing unscanned."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult

from guardrails.errors import GuardUnavailable, InputTooLong
from guardrails.pii import DEFAULT_ENTITIES, MaskScope, PiiEngine
from guardrails.pii.cache import FindingsCache
from guardrails.pii.engine import MAX_CHARACTERS
from guardrails.types import Span

SECRETS = ("greta", "vogel", "example.com", "1234567", "格蕾塔", "沃格尔")


@pytest.mark.parametrize(
    "text",
    [
        "My name is Greta Vogel, write to greta.vogel@example.com, phone +49 170 1234567",
        "my name is greta vogel, write to greta.vogel@example.com, phone +49 170 1234567",
        "MY NAME IS GRETA VOGEL, WRITE TO GRETA.VOGEL@EXAMPLE.COM, PHONE +49 170 1234567",
        "Ich heiße Greta Vogel, schreib an greta.vogel@example.com, Telefon +49 170 1234567",
        "ich heiße greta vogel, schreib an greta.vogel@example.com, telefon +49 170 1234567",
        "Mein Name ist Greta Vogel. Später sagte Greta, dass Frau Vogel und Gretas Mann kommen.",
        "Je m'appelle Greta Vogel, écrivez à greta.vogel@example.com, téléphone +49 170 1234567",
        "je m'appelle greta vogel, écrivez à greta.vogel@example.com, téléphone +49 170 1234567",
        "我叫Greta Vogel，请写信到greta.vogel@example.com，电话+49 170 1234567",
        "我叫格蕾塔·沃格尔，请写信到greta.vogel@example.com，电话+49 170 1234567。沃格尔说",
        "Ask greta.vogel@example.com. Tomorrow Vogel and Greta come.",
        "Dear Greta Vogel,\nthe form of Mrs Vogel is here. Greta said so; GRETA agrees, greta too.",
    ],
)
def test_nothing_personal_is_left(engine: PiiEngine, text: str) -> None:
    scope = MaskScope([text])
    masked = scope.mask(text, engine.detect(text))
    assert [secret for secret in SECRETS if secret in masked.lower()] == []
    assert scope.restore(masked) == text


@pytest.mark.parametrize(
    "text",
    [
        "Ich habe eine Frage zu meiner Rechnung vom letzten Monat, können Sie mir helfen?",
        "Welche Unterlagen brauche ich für den Antrag auf Elterngeld?",
        "Schreibe eine Funktion, die eine Liste nach dem Datum sortiert.",
        "Please summarise the report in five sentences and list the open questions.",
        "May I ask: Will the delivery arrive before Friday?",
        "Pouvez-vous m'aider avec ma facture, s'il vous plaît ?",
        "请帮我写一封关于项目进度的邮件。",
        "def area(radius: float) -> float:\n    return math.pi * radius**2\n",
        "Version 1.2.3 costs 19.99 EUR, order 4711-2020 on 2024-05-01.",
        "import json\nfor row in rows:\n    total += row.price * Decimal(2)\nprint(total)",
        "public static int main(String[] args) {\n  HttpClient client = new HttpClient();\n}",
    ],
)
def test_everyday_prompts_stay_as_they_are(engine: PiiEngine, text: str) -> None:
    assert engine.detect(text) == []


def test_spans_are_sorted_and_do_not_overlap(engine: PiiEngine) -> None:
    text = "Greta Vogel <greta.vogel@example.com>, Hauptstraße 12, 10115 Berlin, Vogel GmbH " * 5
    spans = engine.detect(text)
    assert len(spans) >= 15
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert all(span.detector.count("@") == 1 and 0.5 <= span.score <= 1 for span in spans)


def test_entities_and_languages_narrow_the_search(patterns: PiiEngine) -> None:
    text = "Ich heiße greta vogel, greta@example.com"
    kinds = {span.entity_type for span in patterns.detect(text, entities=frozenset({"PERSON"}))}
    assert kinds == {"PERSON"}
    found = patterns.detect(text, languages=("en",))
    assert {span.entity_type for span in found} == {"EMAIL_ADDRESS"}
    assert patterns.entities >= DEFAULT_ENTITIES


class _Broken(EntityRecognizer):
    def load(self) -> None: ...

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> Any:
        raise ValueError(f"cannot read {text}")


def test_a_failing_recognizer_denies_and_quotes_nothing() -> None:
    engine = PiiEngine([_Broken(["PERSON"], name="broken")], version="test")
    with pytest.raises(GuardUnavailable) as caught:
        engine.detect("Greta Vogel")
    assert caught.value.code == "guard_unavailable"
    assert "Greta" not in f"{caught.value} {caught.value.context} {caught.value.__cause__}"
    assert caught.value.__suppress_context__


def test_a_customers_presidio_recognizer_plugs_in() -> None:
    pattern = Pattern("staff", r"\bEMP-\d{5}\b", 0.9)
    own = PatternRecognizer("STAFF_ID", patterns=[pattern], supported_language="en")
    engine = PiiEngine.load(ner="none", extra=[own])
    (span,) = engine.detect("ask EMP-12345", entities=DEFAULT_ENTITIES | {"STAFF_ID"})
    assert (span.entity_type, span.start, span.end) == ("STAFF_ID", 4, 13)


class _Counting(EntityRecognizer):
    def load(self) -> None:
        self.calls = 0
        self.lock = threading.Lock()

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> Any:
        with self.lock:
            self.calls += 1
        start = text.find("Greta")
        return [RecognizerResult("PERSON", start, start + 5, 0.9)] if start >= 0 else []


def test_a_repeated_block_is_not_scanned_again() -> None:
    counting = _Counting(["PERSON"], supported_language="xx")
    engine = PiiEngine([counting], version="test")
    first = engine.detect("Hi Greta")
    assert engine.detect("Hi Greta") == first
    assert counting.calls == 1
    engine.detect("Hi Greta", entities=frozenset({"PERSON"}))
    assert counting.calls == 2


def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    cache = FindingsCache(max_spans=10)
    span = Span(0, 1, "PERSON", 1.0, "x@1")
    for number in range(20):
        cache.put(cache.key(str(number), b""), (span,))
        cache.get(cache.key("0", b""))
    assert len(cache) == 5
    assert cache.get(cache.key("0", b"")) == (span,)
    assert cache.get(cache.key("5", b"")) is None


def test_threads_get_the_same_findings(engine: PiiEngine) -> None:
    texts = [f"My name is Greta Vogel, order {n}, call +49 170 123{n:04}" for n in range(24)]
    alone = [engine.detect(text) for text in texts]
    fresh = PiiEngine(engine._recognizers, version="test")
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(fresh.detect, texts * 2)) == alone * 2


def test_a_long_text_is_scanned_to_its_end(engine: PiiEngine) -> None:
    filler = "the quick brown fox jumps over the lazy dog. " * 400
    text = filler + "Ask Angela Merkel about it. " + filler + "Mail bo@example.com"
    values = [text[span.start : span.end] for span in engine.detect(text)]
    assert "Angela Merkel" in values
    assert "bo@example.com" in values


def test_a_text_beyond_the_limit_is_refused(patterns: PiiEngine) -> None:
    with pytest.raises(InputTooLong):
        patterns.detect("x" * (MAX_CHARACTERS + 1))


def test_lone_surrogates_and_controls_are_no_trouble(engine: PiiEngine) -> None:
    text = "\ud83d My name is Greta Vogel\x00\u200b \udc00"
    scope = MaskScope([text])
    assert scope.restore(scope.mask(text, engine.detect(text))) == text
    assert "Greta" not in scope.mask(text, engine.detect(text))


def test_a_cached_block_costs_next_to_nothing(engine: PiiEngine) -> None:
    text = "My name is Greta Vogel and I work for Siemens in Munich. " * 6
    engine.detect(text)
    started = time.process_time()
    for _ in range(200):
        engine.detect(text)
    assert (time.process_time() - started) / 200 < 0.001


def test_the_package_is_light_and_torch_never_comes_in() -> None:
    code = (
        "import sys, guardrails.pii as p\n"
        "assert not {'spacy', 'presidio_analyzer', 'torch', 'hyperscan'} & set(sys.modules)\n"
        "p.PiiEngine.load().detect('Greta Vogel')\n"
        "heavy = {'torch', 'transformers', 'spacy', 'thinc', 'phonenumbers', 'tldextract'}\n"
        "assert 'presidio_analyzer' in sys.modules and not heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_all_of_presidio_is_there_for_those_who_ask() -> None:
    code = (
        "import sys, guardrails.pii\n"
        "from presidio_analyzer import PatternRecognizer\n"
        "assert 'spacy' not in sys.modules\n"
        "import presidio_analyzer.nlp_engine\n"
        "from presidio_analyzer import AnalyzerEngine, predefined_recognizers\n"
        "assert issubclass(predefined_recognizers.IbanRecognizer, PatternRecognizer)\n"
        "assert presidio_analyzer.nlp_engine is sys.modules['presidio_analyzer.nlp_engine']\n"
        "import presidio_analyzer.nlp_engine.nlp_artifacts as deep\n"
        "assert deep.NlpArtifacts is presidio_analyzer.nlp_engine.NlpArtifacts"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_an_unknown_finder_of_names_is_refused() -> None:
    with pytest.raises(GuardUnavailable):
        PiiEngine.load(ner="oracle")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "Record bracket-gravel-kettle-pantry-socket: please check order A-1234",
        "open saddle-winch-wedge-stencil-thimble please",
    ],
)
def test_slugs_are_no_names(engine: PiiEngine, text: str) -> None:
    assert engine.detect(text) == []


def test_names_with_hyphens_are_names(engine: PiiEngine) -> None:
    text = "Ask Anna-Lena Meier-Schulze about it"
    assert [text[span.start : span.end] for span in engine.detect(text)] == [
        "Anna-Lena Meier-Schulze"
    ]
