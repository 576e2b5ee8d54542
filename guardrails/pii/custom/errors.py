"""Why a customer's recognizer is refused.

GuardError
└── InvalidRecognizer            names, limits, contradictions
    ├── InvalidPattern           no regular expression
    ├── UnsupportedPattern       needs look-around or a backreference
    ├── PatternTooComplex        too large for the linear-time engine, or ambiguous
    ├── PatternMatchesEmpty      finds nothing, everywhere
    ├── PatternTooBroad          would mask ordinary words
    └── InvalidRegistry          a Presidio registry file that cannot be taken over
"""

from guardrails.errors import GuardError


class InvalidRecognizer(GuardError):
    """A definition that is no recognizer; ``param`` names the field."""

    code = "invalid_recognizer"


class InvalidPattern(InvalidRecognizer):
    """Not a regular expression."""

    code = "invalid_pattern"


class UnsupportedPattern(InvalidRecognizer):
    """Needs a feature that cannot run in linear time."""

    code = "unsupported_pattern"


class PatternTooComplex(InvalidRecognizer):
    """Compiles to too much, or can run for too long."""

    code = "pattern_too_complex"


class PatternMatchesEmpty(InvalidRecognizer):
    """Matches the empty text."""

    code = "pattern_matches_empty"


class PatternTooBroad(InvalidRecognizer):
    """Would mask ordinary text, or allow nearly all personal data."""

    code = "pattern_too_broad"


class InvalidRegistry(InvalidRecognizer):
    """A registry file that is missing, unreadable or holds what cannot run here."""

    code = "invalid_registry"
