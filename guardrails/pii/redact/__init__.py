"""Personal data that a model made up, taken out of its answer while it streams."""

from guardrails.pii.redact.entities import DEFAULT_OUTPUT_ENTITIES, output_entities
from guardrails.pii.redact.json_regions import JsonRegions
from guardrails.pii.redact.known import RequestTexts
from guardrails.pii.redact.redactor import OutputRedactor

__all__ = [
    "DEFAULT_OUTPUT_ENTITIES",
    "JsonRegions",
    "OutputRedactor",
    "RequestTexts",
    "output_entities",
]
