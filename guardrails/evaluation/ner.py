"""``sovgate eval ner FILE``: names of persons, places and organisations only."""

from collections.abc import Iterable
from typing import Any, Final

from guardrails.evaluation.pii import Detector, evaluate_pii

# Such sets label nothing else: a found e-mail address would count as a mistake.
NAMES: Final = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "STREET_ADDRESS"})


def evaluate_ner(rows: Iterable[dict[str, Any]], engine: Detector | None = None) -> dict[str, Any]:
    """As ``evaluate_pii``, looking for persons, places, organisations and addresses."""
    return evaluate_pii(rows, engine, entities=NAMES)
