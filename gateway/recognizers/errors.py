"""What can go wrong with stored recognizers.

SovgateError
└── GatewayError
    └── RecognizerError
        ├── RecognizerUnreadable
        ├── TooManyRecognizers
        └── VersionConflict
"""

from gateway.errors import GatewayError


class RecognizerError(GatewayError):
    """The root of this package's errors."""

    code = "recognizer_error"


class RecognizerUnreadable(RecognizerError):
    """A stored recognizer does not open: another pepper, or a changed row."""

    code = "recognizer_unreadable"

    def __init__(self) -> None:
        super().__init__(
            "A stored recognizer cannot be opened; check security.pepper_file, which all replicas"
            " share."
        )


class TooManyRecognizers(RecognizerError):
    """The tenant has as many as it may."""

    code = "too_many_recognizers"

    def __init__(self, most: int) -> None:
        super().__init__(f"A tenant has at most {most} recognizers; delete one, or merge some.")


class VersionConflict(RecognizerError):
    """Somebody else changed the recognizer in the meantime."""

    code = "version_conflict"

    def __init__(self) -> None:
        super().__init__(
            "The recognizer was changed by another call in the meantime. Load it again, and make"
            " your change to what it is now.",
            param="version",
        )
