"""``sovgate eval``: the guards and the router judged on labelled data."""

import json
from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.options import JsonOption, print_json
from gateway.errors import InvalidRequest


class Task(StrEnum):
    PII = "pii"
    NER = "ner"
    MODERATION = "moderation"
    INJECTION = "injection"
    ROUTING = "routing"


_EVALUATORS = {
    Task.PII: ("guardrails.evaluation.pii", "evaluate_pii"),
    Task.NER: ("guardrails.evaluation.ner", "evaluate_ner"),
    Task.MODERATION: ("guardrails.evaluation.moderation", "evaluate_moderation"),
    Task.INJECTION: ("guardrails.evaluation.injection", "evaluate_injection"),
    Task.ROUTING: ("gateway.routing.evaluation", "evaluate_routing"),
}


def evaluate(
    task: Annotated[Task, typer.Argument(help="What is judged.")],
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="JSON Lines: a labelled text each.")
    ],
    baseline: Annotated[
        bool, typer.Option("--baseline", help="pii, ner: stock Presidio beside it, in one run.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Judge a guard or the router on a labelled file."""
    module, name = _EVALUATORS[task]
    evaluator: Callable[..., dict[str, Any]] = getattr(import_module(module), name)
    rows = read_rows(file)
    result = evaluator(rows)
    if baseline:
        if task not in {Task.PII, Task.NER}:
            raise InvalidRequest("--baseline is for pii and ner; leave it out.")
        from guardrails.evaluation.stock import StockPresidio

        result["baseline"] = evaluator(rows, StockPresidio())
    if as_json:
        print_json(result)
        return
    for key, value in result.items():
        print(f"{key}: {value if not isinstance(value, dict) else json.dumps(value)}")


def read_rows(file: Path) -> list[dict[str, Any]]:
    """Raises ``InvalidRequest`` with the line's number where one is no JSON object."""
    rows = []
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                raise InvalidRequest(f"{file}, line {number}: not a JSON object.")
            rows.append(row)
    return rows
