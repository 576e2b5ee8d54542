"""Errors of batches.

InvalidRequest
├── InvalidBatch
├── BatchesDisabled
├── BatchStateConflict
└── BatchNotFound
"""

from gateway.errors import InvalidRequest


class InvalidBatch(InvalidRequest):
    """A field of the batch is wrong, or its input file is none for batches."""

    code = "invalid_batch"


class BatchesDisabled(InvalidRequest):
    """``batches.enabled`` is off."""

    code = "batches_disabled"


class BatchStateConflict(InvalidRequest):
    """It has ended, so it cannot be cancelled; or has not, so there are no results yet."""

    code = "batch_state_conflict"


class BatchNotFound(InvalidRequest):
    """There is none of this id in the key's project."""

    code = "batch_not_found"
