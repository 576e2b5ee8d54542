"""``make focus``: its sample is right by our own checker, and its reading of the tool's report."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from billing.focus.checker import check_file
from billing.focus.columns import NAMES
from conformance.focus_sample import sample_files
from conformance.validator import UnknownTool, make_runnable, read_report

REPORT = """<testsuites><testsuite>
<testcase name="A-C-001-M :: Type"/>
<testcase name="A-C-002-C :: Composite"/>
<testcase name="A-C-003-C :: Nullability"><failure message="no"/></testcase>
<testcase name="A-C-004-C :: Nullability"/>
<testcase name="B-C-002-C :: Composite"><failure message="no"/></testcase>
<testcase name="B-C-003-C :: Nullability"><failure message="no"/></testcase>
<testcase name="C-C-001-M :: None"><error message="no"/></testcase>
<testcase name="D-C-001-M :: Type"><skipped message="dynamic"/></testcase>
</testsuite></testsuites>"""


async def test_every_file_of_the_sample_is_right(tmp_path: Path) -> None:
    files = await sample_files(tmp_path)
    kinds: Counter[str] = Counter()
    for file in files:
        assert check_file(file.csv, file.export.payables) == []
        for row in file.export.rows():
            cells = dict(zip(NAMES, row, strict=True))
            kinds[str(cells["x_Entry"])] += 1
            kinds[str(cells["ChargeClass"])] += 1
    assert len(files) == 9
    every = {"usage", "minimum_charge", "adjustment", "credit", "tax", "rounding", "Correction"}
    assert every <= set(kinds)
    assert any(amount < Decimal(0) for amount in files[1].export.payables.values())


def test_an_alternative_that_was_not_taken_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT)
    offered = {"A-C-003-C": "A-C-002-C", "A-C-004-C": "A-C-002-C", "B-C-003-C": "B-C-002-C"}
    verdict = read_report(tmp_path / "report.xml", offered)
    assert (verdict.total, verdict.passed, verdict.skipped) == (8, 3, 1)
    assert verdict.failed == ("B-C-002-C", "B-C-003-C", "C-C-001-M")
    assert verdict.not_taken == ("A-C-003-C",)


def test_only_the_line_that_is_known_is_changed(tmp_path: Path) -> None:
    folder = tmp_path / "lib" / "python3.11" / "site-packages" / "focus_validator"
    file = folder / "config_objects" / "focus_to_duckdb_converter.py"
    file.parent.mkdir(parents=True)
    line = """x = ", ".join(f"'{k.replace('\\"', '\\"\\"')}'" for k in ignore_keys)\n"""
    file.write_text(line)
    make_runnable(tmp_path)
    changed = file.read_text()
    values: dict[str, object] = {"ignore_keys": ['a"b', "c"]}
    exec(changed, values)
    assert values["x"] == "'a\"\"b', 'c'"
    make_runnable(tmp_path)
    assert file.read_text() == changed
    file.write_text("something else\n")
    with pytest.raises(UnknownTool):
        make_runnable(tmp_path)
