"""Personal data and secrets: found, replaced by tokens, put back exactly.

>>> scope = MaskScope()
>>> spans = [Span(11, 22, "PERSON", 0.9, "example@1")]
>>> scope.mask("My name is Greta Vogel.", spans)
'My name is [PERSON_1].'
>>> scope.restore("Hello [PERSON_1]!")
'Hello Greta Vogel!'
"""

# ruff: noqa: E402 - Presidio is made light before anything imports it.
from guardrails.pii.imports import PRESIDIO_LIGHT, lazily

lazily("presidio_analyzer", PRESIDIO_LIGHT)

from guardrails.pii.engine import PiiEngine
from guardrails.pii.entities import DEFAULT_ENTITIES
from guardrails.pii.joined import detect_joined
from guardrails.pii.masking import ScopeMemory
from guardrails.pii.restore import StreamRestorer
from guardrails.pii.scope import MaskScope
from guardrails.types import Span

__all__ = [
    "DEFAULT_ENTITIES",
    "MaskScope",
    "PiiEngine",
    "ScopeMemory",
    "Span",
    "StreamRestorer",
    "detect_joined",
]
