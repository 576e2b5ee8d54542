"""What can go wrong with stored bodies.

SovgateError
└── ArchiveError
    ├── BodyNotFound     none was stored, by this policy or for this request
    └── BodyGone         it was removed: expired, erased, or its key is lost
"""

from core.errors import SovgateError


class ArchiveError(SovgateError):
    """Base of the errors of stored bodies."""

    code = "archive_error"


class BodyNotFound(ArchiveError):
    """No body was stored for this request."""

    code = "body_not_found"


class BodyGone(ArchiveError):
    """The body was there and cannot be opened any more; the record of the request stays."""

    code = "body_gone"
