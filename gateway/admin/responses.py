"""What all responses share: the error body, and its documentation."""

from typing import Any

from gateway.admin.schemas import ErrorBody

_MEANING = {
    401: "No valid session.",
    403: "The roles of the account do not allow this, or the CSRF token is missing.",
    404: "No such object in a tenant that the account has a role for.",
    409: "The present state does not allow this.",
    410: "It was there, and is gone for good.",
    413: "The body is too large.",
    415: "The body is compressed.",
    422: "The request does not fit this description; `param` names the field.",
    429: "Too many attempts; see Retry-After.",
    503: "The database does not answer.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """``responses=`` of a route: the given statuses, and those that every route has."""
    return {
        status: {"model": ErrorBody, "description": _MEANING[status]}
        for status in sorted({*statuses, 401, 413, 415, 422, 503})
    }


def body(code: str, message: str, param: str | None = None) -> dict[str, Any]:
    """The one shape of every error."""
    return {"error": {"code": code, "message": message, "param": param}}
