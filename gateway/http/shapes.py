"""The shape of an error by the API that a path belongs to: OpenAI's, or Anthropic's.

Whoever answers before a surface is found (no such path, a body that never came) asks here.
"""

from typing import Final

import msgspec

from gateway.http.errors import HttpError

MESSAGES: Final = "/v1/messages"
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
}


def error_body(error: HttpError, path: str) -> bytes:
    """The body of an error at ``path``."""
    if path == MESSAGES or path.startswith(MESSAGES + "/"):
        return messages_error(error)
    return error.body()


def messages_error(error: HttpError) -> bytes:
    """``{"type": "error", "error": {type, message, code, param}, "request_id"}``.

    Anthropic's SDKs read ``type`` and ``message``; ``code`` is ours, as everywhere.
    """
    kind = _TYPES.get(error.status, "api_error" if error.status >= 500 else "invalid_request_error")
    words = {"type": kind, "message": error.message, "code": error.code, "param": error.param}
    return msgspec.json.encode({"type": "error", "error": words, "request_id": error.request_id})
