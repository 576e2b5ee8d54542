"""Which kinds of personal data count in an answer.

A model may speak of Goethe and of Weimar; it has no business to tell a telephone number that
nobody gave it. So the default is what identifies by itself (numbers with a structure, addresses
of mailboxes and machines, secrets), and whatever is made of words must be asked for.
"""

from collections.abc import Iterable
from typing import Final

from guardrails.pii.entities import ALL_ENTITIES

# Made of words, or public by nature (bank codes, links).
_WORDS: Final[frozenset[str]] = frozenset(
    {"PERSON", "LOCATION", "ORGANIZATION", "STREET_ADDRESS", "DATE_OF_BIRTH", "AGE", "URL", "BIC"}
)
DEFAULT_OUTPUT_ENTITIES: Final[frozenset[str]] = ALL_ENTITIES - _WORDS


def output_entities(wanted: str | Iterable[str]) -> frozenset[str]:
    """The types of ``pii.output_entities``: a list of them, or ``default``."""
    return DEFAULT_OUTPUT_ENTITIES if wanted == "default" else frozenset(wanted)


def is_structured(entities: frozenset[str]) -> bool:
    """Whether all of ``entities`` can be told from words by their characters alone."""
    return entities <= DEFAULT_OUTPUT_ENTITIES
