"""Sentences with identifiers of many countries in valid form, and look-alikes, for measurement.

``python -m guardrails.training.structured --n N --seed S --out FILE.jsonl`` writes rows that
``sovgate eval pii`` reads. Check digits are computed here from the issuers' descriptions, apart
from the validators of the recognizers, so that agreement of the two means something.
"""

from guardrails.training.structured.rows import make_rows

__all__ = ["make_rows"]
