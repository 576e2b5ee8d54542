"""Errors in Anthropic's shape, for its SDKs' exception classes; our stable code beside it."""

from typing import Final

import msgspec

from gateway.http.errors import HttpError

PATH: Final = "/v1/messages"
_TYPES: Final = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_body(error: HttpError, request_id: str | None = None) -> bytes:
    """``{"type": "error", "error": {type, message, code, param}, "request_id"}``."""
    kind = _TYPES.get(error.status, "api_error" if error.status >= 500 else "invalid_request_error")
    words = {"type": kind, "message": error.message, "code": error.code, "param": error.param}
    return msgspec.json.encode({"type": "error", "error": words, "request_id": request_id})


def speaks_messages(path: str) -> bool:
    """Whether whoever asks for this path reads errors in Anthropic's shape."""
    return path == PATH or path.startswith(PATH + "/")
