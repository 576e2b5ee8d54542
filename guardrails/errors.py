"""Errors of the guards.

SovgateError
└── GuardError
    ├── GuardUnavailable   a detector failed or timed out: the request is denied
    └── InputTooLong       a text beyond what the guards are willing to scan
"""

from core.errors import SovgateError


class GuardError(SovgateError):
    """A guard did not come to a decision."""

    code = "guard_error"


class GuardUnavailable(GuardError):
    """A detector failed, so nothing may pass."""

    code = "guard_unavailable"


class InputTooLong(GuardError):
    """A text longer than the guards scan."""

    code = "input_too_long"
