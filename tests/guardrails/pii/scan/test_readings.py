"""What was read of the rules is kept whole, and read anew where it cannot be trusted."""

from pathlib import Path

import pytest
from msgspec import structs

from guardrails.pii.recognizers.base import Rule, RuleRecognizer
from guardrails.pii.recognizers.catalogue import build_recognizers
from guardrails.pii.scan import readings as subject
from guardrails.pii.scan.readings import Readings, read, readings

_RULES = [
    Rule("badge", r"\bAC-\d{5}\b", 0.6, context="badge|pass"),
    Rule("word", r"(?i)greta", 0.6),
    Rule("either", r"(?:ab|\d)+(?=x)", 0.6),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOVGATE_CACHE_DIR", str(tmp_path))
    return tmp_path / "sovgate" / "rules"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rules were read, each time."""
    counts: list[int] = []

    def counting(rules: list[Rule]) -> Readings:
        counts.append(len(rules))
        return read(rules)

    monkeypatch.setattr(subject, "read", counting)
    return counts


def test_kept_is_what_was_read(folder: Path, reads: list[int]) -> None:
    rules = [
        rule.rule
        for each in build_recognizers(("en", "de", "zh", "fr"), "none")
        if isinstance(each, RuleRecognizer)
        for rule in each.rules
    ]
    first = readings(rules)
    assert readings(rules) == first == structs.replace(read(rules), digest=first.digest)
    assert first.digest
    assert reads == [len(rules)]
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_another_rule_is_read(reads: list[int]) -> None:
    readings(_RULES)
    readings(_RULES[:2])
    readings([*_RULES[:2], Rule("either", r"(?:ab|\d)+(?=y)", 0.6)])
    assert reads == [3, 2, 3]


@pytest.mark.parametrize("damage", ["cut", "changed", "others", "gone"])
def test_what_cannot_be_trusted_is_read_anew(folder: Path, reads: list[int], damage: str) -> None:
    first = readings(_RULES)
    (file,) = folder.iterdir()
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    if damage == "others":
        file.chmod(0o666)
    elif damage == "gone":
        file.unlink()
    else:
        file.write_bytes(data[:50] if damage == "cut" else data)
    assert readings(_RULES) == first
    assert reads == [3, 3]


def test_code_without_its_source_keeps_nothing(
    folder: Path, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "_READERS", ("no_such_module",))
    readings(_RULES)
    readings(_RULES)
    assert reads == [3, 3]
    assert not folder.exists()
