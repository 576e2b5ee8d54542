"""Documents that are promised exist, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

from support.repository import ROOT, tracked_files

_LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")
_HEADINGS = ("Context", "Decision", "Consequences", "Alternatives", "References")
_STATUS = re.compile(r"^Status: (proposed|accepted|superseded by \d{4}), \d{4}-\d{2}", re.MULTILINE)
_DOCUMENTS = [path for path in tracked_files() if path.suffix == ".md"]
_RECORDS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))


@pytest.mark.parametrize(
    "name",
    ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE"],
)
def test_document_exists(name: str) -> None:
    assert len((ROOT / name).read_text("utf-8")) > 500


@pytest.mark.parametrize("path", _DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path: Path) -> None:
    targets = _LINK.findall(path.read_text("utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", _RECORDS, ids=lambda path: path.stem)
def test_decision_record_has_its_parts(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith(f"# {path.stem[:4]}: ")
    assert _STATUS.search(text)
    found = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert tuple(found) == _HEADINGS


def test_decision_records_are_numbered_without_gaps_and_listed() -> None:
    numbers = [int(path.stem[:4]) for path in _RECORDS]
    assert numbers == list(range(1, len(numbers) + 1))
    index = (ROOT / "docs" / "adr" / "README.md").read_text("utf-8")
    assert [path.name for path in _RECORDS if path.name not in index] == []
