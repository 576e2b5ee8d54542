"""What was checked and how it went."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Result:
    """One check: ``measured`` is what was seen, in a few words or figures."""

    group: str
    name: str
    passed: bool
    measured: str


def markdown(results: Sequence[Result]) -> str:
    """A table for the documentation."""
    lines = ["| check | right | measured |", "|---|---|---|"]
    lines += [
        f"| {result.group}: {result.name} | {'yes' if result.passed else '**NO**'} |"
        f" {result.measured} |"
        for result in results
    ]
    return "\n".join(lines)


def as_json(results: Sequence[Result]) -> str:
    return json.dumps(
        {
            "passed": all(result.passed for result in results),
            "checks": [asdict(result) for result in results],
        },
        indent=1,
    )
