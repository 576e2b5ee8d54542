"""Errors of files, batches and idempotency keys in ``gateway.http.errors``' map."""

from core.errors import SovgateError
from gateway.batches.errors import BatchesDisabled, BatchNotFound, BatchStateConflict
from gateway.files.errors import FileInUse, FileNotFound, FileStorageFull, FileTooLarge
from gateway.idempotency.errors import (
    IdempotencyKeyReused,
    IdempotentAnswerGone,
    RequestInProgress,
)

_INVALID = "invalid_request_error"

OF_STORED_REQUESTS: dict[type[SovgateError], tuple[int, str]] = {
    FileNotFound: (404, _INVALID),
    FileTooLarge: (413, _INVALID),
    FileStorageFull: (413, _INVALID),
    FileInUse: (409, _INVALID),
    BatchNotFound: (404, _INVALID),
    BatchStateConflict: (409, _INVALID),
    BatchesDisabled: (403, "permission_error"),
    IdempotencyKeyReused: (422, _INVALID),
    IdempotentAnswerGone: (410, _INVALID),
    RequestInProgress: (409, _INVALID),
}
