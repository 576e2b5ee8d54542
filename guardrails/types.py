"""The values that guards exchange: what was looked at, found and decided."""

from enum import StrEnum

import msgspec


class Action(StrEnum):
    """What a policy does with a finding, from mildest to strictest."""

    ALLOW = "allow"
    FLAG = "flag"
    MASK = "mask"
    BLOCK = "block"


class MaskMode(StrEnum):
    """What stands for a masked value. Only the first three can be restored."""

    PLACEHOLDER = "placeholder"  # [PERSON_1]
    SURROGATE = "surrogate"  # a made-up value of the same kind
    HASH = "hash"  # [PERSON_3f9a0c]: the same for the same value, by a key of the tenant
    PARTIAL = "partial"  # ************1111
    REDACT = "redact"  # [PERSON]
    BLOCK = "block"  # the request is refused


class Role(StrEnum):
    """Where a text came from; injection rules differ for instructions and for documents."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    SCHEMA = "schema"


class Span(msgspec.Struct, frozen=True, gc=False):
    """A finding in a text: ``text[start:end]``, offsets in code points.

    ``detector`` names the recognizer (``name@version``) for the audit record; ``reason`` says
    in a word why it was found (the rule, a checksum, the context), never the value.
    """

    start: int
    end: int
    entity_type: str
    score: float
    detector: str
    reason: str = ""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """One classifier's word on one text.

    Args:
        detector: ``name@version``.
        score: probability of the positive class, 0..1.
        threshold: the shipped threshold that ``flagged`` was decided by.
        category: the likeliest category where flagged, else ``None``.
    """

    detector: str
    score: float
    threshold: float
    flagged: bool
    category: str | None = None
