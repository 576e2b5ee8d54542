"""Errors of idempotency keys.

InvalidRequest
├── InvalidIdempotencyKey
├── IdempotencyKeyReused
├── RequestInProgress
└── IdempotentAnswerGone
"""

from gateway.errors import InvalidRequest


class InvalidIdempotencyKey(InvalidRequest):
    """It is empty, too long, or holds something that does not belong into a header."""

    code = "invalid_idempotency_key"


class IdempotencyKeyReused(InvalidRequest):
    """The key belongs to another request, or the policy has changed since."""

    code = "idempotency_key_reused"


class RequestInProgress(InvalidRequest):
    """The first request of this key is still being served."""

    code = "request_in_progress"


class IdempotentAnswerGone(InvalidRequest):
    """The first request was answered and billed, and its answer is not kept."""

    code = "idempotent_answer_gone"
