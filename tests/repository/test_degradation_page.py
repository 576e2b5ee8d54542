"""Each row of docs/degradation.md, and of the faults in docs/resilience.md, names tests that
exist; each of those tests has a row."""

import ast
import re

import pytest

from support.repository import ROOT

_TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)(?:\[[^`]*\])?`")
_PAGES = ("degradation", "resilience")


def text(page: str) -> str:
    whole = (ROOT / "docs" / f"{page}.md").read_text()
    return whole if page == "degradation" else whole.partition("## Faults")[2]


def rows() -> list[tuple[str, str]]:
    lines = [(page, line) for page in _PAGES for line in text(page).splitlines()]
    return [each for each in lines if each[1].startswith("| ") and " test |" not in each[1]]


@pytest.mark.parametrize(("page", "row"), rows())
def test_a_row_names_tests_that_exist(page: str, row: str) -> None:
    named = _TEST.findall(row)
    assert named, "this row is not tested"
    for file, name in named:
        path = ROOT / file if file.startswith("tests/") else ROOT / "tests" / "e2e" / page / file
        assert name in functions(path.read_text()), f"{path} has no {name}"


@pytest.mark.parametrize("page", _PAGES)
def test_every_test_of_a_fault_stands_in_the_table(page: str) -> None:
    files = list((ROOT / "tests" / "e2e" / page).glob("test_*.py"))
    assert files
    for file in files:
        for name in functions(file.read_text()):
            assert f"{file.name}::{name}" in text(page), f"{name} of {file.name} has no row"


def functions(source: str) -> set[str]:
    nodes = ast.walk(ast.parse(source))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in nodes if isinstance(node, kinds) and node.name.startswith("test")}
