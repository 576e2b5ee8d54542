"""A tenant's recognizers in the engine, and in a process beside."""

import pickle
import subprocess
import sys

import pytest

from guardrails.errors import GuardUnavailable
from guardrails.pii import PiiEngine
from guardrails.pii.custom import RecognizerSpec, RegistryFile, Source, Sources, build
from guardrails.pii.recognizers.catalogue import contact_recognizers

BADGE = RecognizerSpec.model_validate(
    {
        "name": "badge",
        "entity": "BADGE_ID",
        "patterns": [
            {"name": "number", "regex": r"\bAC-\d{5}\b"},
            {"name": "bare", "regex": r"\b\d{5}\b", "score": 0.3},
        ],
        "context": {"words": ["badge", "工牌"]},
        "deny_list": {"values": ["Nightfall"], "score": 0.9},
        "allow_list": {"values": ["AC-00000"], "patterns": [r".+@acme\.example"]},
    }
)
SOURCES = Sources((Source(BADGE, "3"),), version="v1")


@pytest.fixture(scope="module")
def engine() -> PiiEngine:
    return PiiEngine(contact_recognizers(), version="test")


def found(engine: PiiEngine, text: str, sources: Sources = SOURCES) -> list[tuple[str, str]]:
    own = build(sources)
    spans = engine.detect(text, extra=own.recognizers, allow=own.allow)
    return [(span.entity_type, text[span.start : span.end]) for span in spans]


def test_patterns_lists_and_context(engine: PiiEngine) -> None:
    text = (
        "Größe: badge 12345 or AC-20417 at nightfall. " + "x" * 70 + f" 54321 {'x' * 40} 工牌 67890"
    )
    assert found(engine, text) == [
        ("BADGE_ID", "12345"),
        ("BADGE_ID", "AC-20417"),
        ("BADGE_ID", "nightfall"),
        ("BADGE_ID", "67890"),
    ]


def test_allowed_values_stay(engine: PiiEngine) -> None:
    text = "AC-00000, help@acme.example, greta@example.com"
    assert found(engine, text) == [("EMAIL_ADDRESS", "greta@example.com")]


def test_without_own_recognizers_nothing_changes(engine: PiiEngine) -> None:
    own = build(Sources())
    assert not own
    assert engine.detect("AC-20417", extra=own.recognizers, allow=own.allow) == []


def test_a_type_of_ones_own_wins_over_a_number_and_hides_nothing_of_it(engine: PiiEngine) -> None:
    ticket = {"name": "ticket", "entity": "TICKET", "patterns": [{"regex": r"\b30 90\d{4}\b"}]}
    own = build(Sources((Source(RecognizerSpec.model_validate(ticket), "1"),)))
    text = "call +49 30 901820"
    (phone,) = engine.detect(text)
    assert phone.entity_type == "PHONE_NUMBER"
    spans = engine.detect(text, extra=own.recognizers)
    assert [(span.entity_type, text[span.start : span.end]) for span in spans] == [
        ("PHONE_NUMBER", "+49 "),
        ("TICKET", "30 901820"),
    ]


@pytest.mark.parametrize("disguised", ["AC\u200b-20417", "ＡＣ－２０４１７", "A C - 2 0 4 1 7"])
def test_disguised_values_are_found(disguised: str, engine: PiiEngine) -> None:
    assert found(engine, f"the code {disguised} is it") == [("BADGE_ID", disguised)]


def test_a_language_restricts_it(engine: PiiEngine) -> None:
    own = build(Sources((Source(BADGE.model_copy(update={"languages": ["de"]}), "1"),)))
    assert engine.detect("AC-20417", languages=["en"], extra=own.recognizers) == []
    assert len(engine.detect("AC-20417", languages=["de"], extra=own.recognizers)) == 1


def test_the_reason_and_the_detector_are_told(engine: PiiEngine) -> None:
    own = build(SOURCES)
    (bare, named) = engine.detect("badge 12345 nightfall", extra=own.recognizers)
    assert (bare.detector, bare.reason, bare.score) == ("custom:badge@3", "bare, context", 0.65)
    assert named.reason == "deny list, context"
    assert own.entities == {"BADGE_ID"}


def test_it_travels_to_another_process() -> None:
    copy = pickle.loads(pickle.dumps(build(SOURCES)))
    assert copy.version == "v1"
    assert copy.allow is not None
    assert copy.allow("AC-00000")
    assert copy.recognizers[0].analyze("AC-20417", ["BADGE_ID"])
    assert pickle.loads(pickle.dumps(copy)) is copy, "built once per version and process"


def test_one_that_cannot_run_denies() -> None:
    with pytest.raises(GuardUnavailable):
        build(Sources(registry=RegistryFile("recognizers: 1", "")))


def test_definitions_alone_load_no_engine() -> None:
    heavy = {"re2", "presidio_analyzer", "spacy", "numpy", "regex"}
    code = f"import sys, guardrails.pii.custom.definition; print({heavy} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
