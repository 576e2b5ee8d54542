"""What can go wrong with holds, retention and erasure.

SovgateError
└── RetentionError
    ├── UnknownHold  no such hold, or it was released
    ├── InvalidHold  it would match nothing, or somebody's name in clear
    └── LegalHold    what is to be erased is held
"""

from core.errors import SovgateError


class RetentionError(SovgateError):
    """Base of these errors."""

    code = "retention_error"


class UnknownHold(RetentionError):
    """There is no such hold in force."""

    code = "hold_not_found"


class InvalidHold(RetentionError):
    """A hold that cannot be made."""

    code = "invalid_hold"


class LegalHold(RetentionError):
    """A legal hold forbids it until it is released."""

    code = "legal_hold"
