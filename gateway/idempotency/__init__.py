"""Idempotency keys: a request that is sent again gets the answer of the first one, billed once."""

from gateway.idempotency.keys import HEADER, IdempotencyKeys

__all__ = ["HEADER", "IdempotencyKeys"]
