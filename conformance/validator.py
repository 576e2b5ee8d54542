"""``focus-validator`` 2.2.1, the FinOps Foundation's own tool: how it is run and read.

Three things about it:

- It declares Python 3.12 for one f-string; ``make_runnable`` writes that line as
  3.11 reads it.
- It exits with 0 whatever it finds, so the verdict is read from its report.
- It counts both alternatives of "InvoiceId is null, or it is not" as rules of
  their own, so every file with a row fails one of them. An alternative that was
  not taken is no failure where the rule that offers it passed.
"""

import json
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = "2.2.1"
RULES = "1.2.0.1"
_LIMIT_S = 600
_LINE = """", ".join(f"'{k.replace('\\"', '\\"\\"')}'" for k in ignore_keys)"""
_SAME = """", ".join("'" + k.replace('"', '""') + "'" for k in ignore_keys)"""


class UnknownTool(Exception):
    """The installed files are not those of the version that is pinned."""


@dataclass(frozen=True)
class Verdict:
    """How many rules a file passed; ``failed`` and ``not_taken`` name rules."""

    total: int
    passed: int
    skipped: int
    failed: tuple[str, ...]
    not_taken: tuple[str, ...]

    def __str__(self) -> str:
        told = f"{self.total} rules: {self.passed} passed, {len(self.failed)} failed"
        told += f" ({', '.join(self.failed)})" if self.failed else ""
        told += f", {self.skipped} skipped"
        return told + (f", not taken: {', '.join(self.not_taken)}" if self.not_taken else "")


def make_runnable(venv: Path) -> None:
    """Write the one line that Python 3.11 cannot read as one that means the same.

    Raises:
        UnknownTool: the line is not there, so this is not the file we know.
    """
    file = _package(venv) / "config_objects" / "focus_to_duckdb_converter.py"
    source = file.read_text("utf-8")
    if _SAME in source:
        return
    if source.count(_LINE) != 1:
        raise UnknownTool(f"{file} is not that of focus-validator {VERSION}.")
    file.write_text(source.replace(_LINE, _SAME), "utf-8")


def validate(venv: Path, data: Path, criteria: Sequence[str] = ()) -> Verdict:
    """Run the tool over one CSV or Parquet file, without a network.

    Args:
        criteria: what the provider supports; rules about anything else are skipped.

    Raises:
        UnknownTool: it wrote no report.
    """
    with tempfile.TemporaryDirectory(prefix="focus-") as folder:
        report = Path(folder) / "report.xml"
        # It opens its list of currencies relative to the folder it runs in.
        (Path(folder) / "focus_validator").symlink_to(_package(venv))
        program = venv.absolute() / "bin" / "focus-validator"
        command = [str(program), "--data-file", str(data.resolve())]
        command += ["--validate-version", RULES, "--focus-dataset", "CostAndUsage"]
        command += ["--block-download", "--output-type", "unittest"]
        command += ["--output-destination", str(report)]
        command += ["--applicability-criteria", ",".join(criteria)] if criteria else []
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
        if not report.exists():
            raise UnknownTool(f"focus-validator wrote no report: {done.stderr.strip()[-500:]}")
        return read_report(report, _alternatives(venv))


def criteria_of(venv: Path) -> list[str]:
    """All that its rules can be asked to assume of a provider."""
    return sorted(_model(venv)["ApplicabilityCriteria"])


def read_report(report: Path, alternatives: Mapping[str, str]) -> Verdict:
    """What a report says.

    Args:
        alternatives: rules that are one of several, and the rule that offers them.
    """
    cases = ElementTree.parse(report).getroot().iter("testcase")
    states = {_rule_id(case): _state(case) for case in cases}
    failed = {rule for rule, state in states.items() if state == "failed"}
    not_taken = {rule for rule in failed if states.get(alternatives.get(rule, "")) == "passed"}
    counts = list(states.values())
    return Verdict(
        total=len(states),
        passed=counts.count("passed"),
        skipped=counts.count("skipped"),
        failed=tuple(sorted(failed - not_taken)),
        not_taken=tuple(sorted(not_taken)),
    )


def _rule_id(case: ElementTree.Element) -> str:
    return case.get("name", "").split(" :: ")[0]


def _state(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def _alternatives(venv: Path) -> dict[str, str]:
    """Rules that are one of several that another rule lets a file choose from."""
    found: dict[str, str] = {}
    for rule_id, rule in _model(venv)["ModelRules"].items():
        requirement = rule["ValidationCriteria"]["Requirement"]
        if requirement.get("CheckFunction") == "OR":
            for item in requirement["Items"]:
                if item.get("CheckFunction") == "CheckModelRule":
                    found[item["ModelRuleId"]] = rule_id
    return found


def _model(venv: Path) -> dict[str, Any]:
    return json.loads((_package(venv) / "rules" / f"model-{RULES}.json").read_text("utf-8"))


def _package(venv: Path) -> Path:
    for package in sorted(venv.resolve().glob("lib/python3*/site-packages/focus_validator")):
        return package
    raise UnknownTool(f"focus-validator is not installed in {venv}; run 'make focus'.")
