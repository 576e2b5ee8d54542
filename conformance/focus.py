"""``make focus``: our FOCUS export against the FinOps Foundation's validator and our checker.

    python -m conformance.focus --tools .venv-focus [--out DIR]

Prints a table for the documentation; exits with 1 when anything is not right.
"""

import argparse
import asyncio
import csv
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from billing.focus.checker import check_file
from billing.focus.columns import NAMES
from conformance import validator
from conformance.focus_sample import SampleFile, sample_files
from conformance.results import Result, as_json, markdown
from core.money import format_amount

_OURS = "our checker"
_THEIRS = f"focus-validator {validator.VERSION}"
_EVERY_KIND = ("acme-2026-11", "labs-2026-12")  # corrections, credits, taxes, rounding
# Its rules for commitments and reservations refuse every file that has none of them.
_NOT_OURS = {"CAPACITY_RESERVATION_SUPPORTED", "COMMITMENT_DISCOUNT_SUPPORTED"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m conformance.focus", description=__doc__)
    parser.add_argument("--tools", type=Path, required=True, help="the validator's environment")
    parser.add_argument("--out", type=Path, help="folder for the files; a temporary one without")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="focus-") as temporary:
        out = options.out or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        validator.make_runnable(options.tools)
        results: list[Result] = []
        for result in _all(options.tools, asyncio.run(sample_files(out)), out):
            print(f"{'ok ' if result.passed else 'NO '} {result.group}: {result.name}"
                  f" ({result.measured})", file=sys.stderr, flush=True)  # fmt: skip
            results.append(result)
        print(markdown(results))
        (out / "summary.json").write_text(as_json(results), "utf-8")
    return 0 if all(result.passed for result in results) else 1


def _all(tools: Path, files: list[SampleFile], out: Path) -> Iterator[Result]:
    criteria = [name for name in validator.criteria_of(tools) if name not in _NOT_OURS]
    supported = f"{len(criteria)} criteria"
    for file in files:
        yield _checked(file)
    for file in files:
        yield _validated(tools, file.name, file.csv, "no criteria")
    by_name = {file.name: file for file in files}
    for file in map(by_name.__getitem__, _EVERY_KIND):
        yield _validated(tools, file.name, file.csv, supported, criteria)
        yield _validated(tools, f"{file.name}, Parquet", file.parquet, supported, criteria)
    yield from _controls(tools, files[0], out)


def _checked(file: SampleFile) -> Result:
    findings = check_file(file.csv, file.export.payables)
    with file.csv.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["InvoiceId"]] += Decimal(row["BilledCost"])
    told = ", ".join(f"{name} {format_amount(amount)}" for name, amount in sorted(sums.items()))
    same = dict(sums) == dict(file.export.payables)
    measured = f"{len(rows)} rows, {len(findings)} findings; {told}"
    return Result(_OURS, file.name, not findings and same and bool(rows), measured)


def _validated(
    tools: Path, name: str, data: Path, what: str, criteria: list[str] | None = None
) -> Result:
    verdict = validator.validate(tools, data, criteria or [])
    right = not verdict.failed and verdict.passed > 0
    return Result(_THEIRS, f"{name}, {what}", right, str(verdict))


def _controls(tools: Path, file: SampleFile, out: Path) -> Iterator[Result]:
    """That it finds what is wrong, and that it lets no file pass both of its alternatives."""
    wrong = out / "wrong.csv"
    _copy(file.csv, wrong, ChargeCategory="Robots", BillingCurrency="usd")
    verdict = validator.validate(tools, wrong)
    names = {rule.split("-")[0] for rule in verdict.failed}
    found = {"ChargeCategory", "BillingCurrency"} <= names
    yield Result(_THEIRS, "a wrong copy is refused", found, str(verdict))
    empty = out / "no-invoice.csv"
    _copy(file.csv, empty, InvoiceId="")
    verdict = validator.validate(tools, empty)
    other = verdict.not_taken == ("InvoiceId-C-005-C",)
    yield Result(_THEIRS, "a copy without invoice ids fails the other one", other, str(verdict))


def _copy(source: Path, target: Path, **cells: str) -> None:
    with source.open(encoding="utf-8", newline="") as lines:
        rows = [row | cells for row in csv.DictReader(lines)]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, NAMES, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(main())
