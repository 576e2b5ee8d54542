"""A customer's Presidio registry file plugs in."""

from pathlib import Path

import presidio_analyzer
import pytest

from guardrails.errors import GuardUnavailable
from guardrails.pii.custom import RegistryFile
from guardrails.pii.custom.budgeted import BudgetedPattern
from guardrails.pii.custom.errors import InvalidRegistry, PatternTooComplex
from guardrails.pii.custom.utf8 import Utf8Text

CONFIGURATIONS = Path(presidio_analyzer.__file__).parent / "conf"
OWN = r"""
supported_languages: [en]
recognizers:
  - name: "Employee Number"
    supported_entity: employee-id
    supported_languages:
      - {language: en, context: [employee]}
      - {language: es, context: [empleado]}
    patterns:
      - {name: number, regex: '\b\d{6}\b', score: 0.1}
  - name: Codes
    supported_language: de
    supported_entity: CODE
    patterns:
      - {name: twice, regex: '\b(\w\w)-\1\b', score: 0.2}
  - name: Titles
    supported_entity: TITLE
    deny_list: [Dr., Prof.]
    deny_list_score: 0.7
  - {name: UsItinRecognizer, type: predefined, supported_languages: [en]}
  - {name: SpacyRecognizer, type: predefined}
  - {name: Off, enabled: false, supported_entity: X, patterns: [{regex: '(', score: 1}]}
"""


def found(registry: RegistryFile, text: str, language: str = "en") -> set[tuple[str, str]]:
    """What would count, by type."""
    return {
        (each.entity_type, text[each.start : each.end])
        for recognizer in registry.recognizers()
        if recognizer.supported_language in (language, "xx")
        for each in recognizer.analyze(text, recognizer.supported_entities, None)  # type: ignore[arg-type]
        if each.score >= 0.5
    }


def test_patterns_lists_context_and_predefined_ones() -> None:
    registry = RegistryFile(OWN, "")
    assert found(registry, "employee 123456; Prof. Quast, ITIN 911-70-1234") == {
        ("EMPLOYEE_ID", "123456"),
        ("TITLE", "Prof."),
        ("US_ITIN", "911-70-1234"),
    }
    assert found(registry, "just 123456") == set()
    # A language that the engine does not tell apart is looked for everywhere.
    assert found(registry, "empleado 123456", "zh") == {("EMPLOYEE_ID", "123456")}
    assert found(registry, "employee 123456", "zh") == set()


def test_a_low_score_without_context_counts_as_it_does_there() -> None:
    assert found(RegistryFile(OWN, ""), "Code ab-ab, ab-cd", "de") == {("CODE", "ab-ab")}


@pytest.mark.parametrize("name", ["example_recognizers.yaml", "default_recognizers.yaml"])
def test_presidios_own_files(name: str) -> None:
    recognizers = RegistryFile.read(CONFIGURATIONS / name).recognizers()
    assert len(recognizers) >= 2
    entities = {entity for each in recognizers for entity in each.supported_entities}
    assert entities & {"ZIP", "CREDIT_CARD"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recognizers: {}", "list"),
        ("a: [", "YAML"),
        ("recognizers: [{name: GLiNERRecognizer, type: predefined}]", "model or a service"),
        ("recognizers: [{name: NoSuchRecognizer, type: predefined}]", "no recognizer of this name"),
        ("recognizers: [{name: A, supported_entity: A}]", "patterns, a deny_list"),
        ("recognizers: [{name: A, supported_entity: A, patterns: [{regex: '('}]}]", "expression"),
        ("recognizers: [{name: A, supported_entity: A, patterns: [{regex: '(a+)+\\1$'}]}]", "long"),
    ],
)
def test_what_cannot_run_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(InvalidRegistry, match=message):
        RegistryFile(text, "").recognizers()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidRegistry, match="cannot be read"):
        RegistryFile.read(tmp_path / "missing.yaml")


def test_a_text_that_uses_up_the_time_is_not_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guardrails.pii.custom.budgeted.TIME_LIMIT_S", 0.001)
    pattern = BudgetedPattern(r"(?<=ab)x")
    assert pattern.spans(Utf8Text("abx")) == [(2, 3)]
    with pytest.raises(GuardUnavailable):
        pattern.spans(Utf8Text("abx" * 300_000))


@pytest.mark.parametrize("pattern", [r"(a+)+\1$", r"(?:;|;;)+(?<=k)z", r"(\w+\s?)*(?<!b)!"])
def test_a_pattern_that_is_slow_on_hostile_texts_is_refused(pattern: str) -> None:
    with pytest.raises(PatternTooComplex):
        BudgetedPattern(pattern)
