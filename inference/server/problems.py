"""Errors as HTTP: one map from class to status, one OpenAI-shaped body."""

from typing import Any

from core.errors import SovgateError
from inference import errors

STATUS: dict[type[SovgateError], int] = {
    errors.RequestInvalid: 400,
    errors.ContextOverflow: 400,
    errors.ModelUnknown: 404,
    errors.QueueFull: 429,
    errors.EngineFailed: 500,
    errors.WorkerStopping: 503,
}
_TYPES = {400: "invalid_request_error", 404: "invalid_request_error", 429: "rate_limit_error"}


def status_of(error: SovgateError) -> int:
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def error_body(error: SovgateError) -> dict[str, Any]:
    """``{"error": {message, type, param, code}}``"""
    kind = _TYPES.get(status_of(error), "server_error")
    return {
        "error": {"message": error.message, "type": kind, "param": error.param, "code": error.code}
    }


def retry_after(error: SovgateError) -> tuple[tuple[bytes, bytes], ...]:
    """The header of refusals that pass."""
    return ((b"retry-after", b"1"),) if status_of(error) in (429, 503) else ()
