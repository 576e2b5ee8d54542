"""Each row of docs/degradation.md names tests that exist."""

import ast
import re

import pytest

from support.repository import ROOT

_TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)(?:\[[^`]*\])?`")
_HERE = ROOT / "tests" / "e2e" / "degradation"


def rows() -> list[str]:
    lines = (ROOT / "docs" / "degradation.md").read_text().splitlines()
    return [line for line in lines if line.startswith("| ") and " test |" not in line]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.split("|")[1].strip()[:40])
def test_a_row_names_tests_that_exist(row: str) -> None:
    named = _TEST.findall(row)
    assert named, "this row is not tested"
    for file, name in named:
        path = ROOT / file if file.startswith("tests/") else _HERE / file
        assert name in functions(path.read_text()), f"{path} has no {name}"


def test_every_test_of_a_fault_stands_in_the_table() -> None:
    text = (ROOT / "docs" / "degradation.md").read_text()
    for file in _HERE.glob("test_*.py"):
        for name in functions(file.read_text()):
            assert f"{file.name}::{name}" in text, f"{name} of {file.name} has no row"


def functions(source: str) -> set[str]:
    nodes = ast.walk(ast.parse(source))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in nodes if isinstance(node, kinds) and node.name.startswith("test")}
