"""How errors leave the API: always ``{"error": {"code", "message", "param"}}``.

No input value is ever echoed: validation messages name the field and the rule.
"""

import re
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from starlette.exceptions import HTTPException

from core.errors import SovgateError
from core.outages import is_away
from gateway.admin.errors import status_of
from gateway.admin.responses import body
from gateway.http.security import SECURITY_HEADERS

_RETRY_AFTER_S = "5"
_log = structlog.get_logger(__name__)
# Field names come from the caller too; one that is no plain name is not repeated.
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")
_NO_JSON = "The body is not valid JSON."
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed"}


def install(app: FastAPI) -> None:
    """Register a handler for each kind of error."""
    app.add_exception_handler(SovgateError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(IntegrityError, _collision)
    app.add_exception_handler(Exception, _unexpected)
    for outage in (SQLAlchemyError, ConnectionError, TimeoutError):
        app.add_exception_handler(outage, _outage)


async def _expected(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SovgateError)
    status = status_of(error)
    if status >= 500:
        _log.error("admin.unexpected", code=error.code)
    headers = {}
    if status == 429 and "retry_after_s" in error.context:
        headers["Retry-After"] = str(error.context["retry_after_s"])
    if status == 503:
        headers["Retry-After"] = _RETRY_AFTER_S
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body(error.code, error.message, error.param), status, headers)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    param = ".".join(_plain(part) for part in first["loc"][1:]) or None
    if first["type"] == "json_invalid":
        return JSONResponse(body("malformed_json", _NO_JSON), 422)
    message = f"{first['msg'].removeprefix('Value error, ').rstrip('.')}."
    return JSONResponse(body("invalid_request", message, param), 422)


def _plain(part: Any) -> str:
    text = str(part)
    return text if isinstance(part, int) or _PLAIN_NAME.fullmatch(text) else "?"


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = error.status_code
    if status == 400:  # FastAPI's, for a body that cannot even be decoded
        return JSONResponse(body("malformed_json", _NO_JSON), 422)
    code = _HTTP_CODES.get(status, "invalid_request" if status < 500 else "internal_error")
    message = {
        404: "There is no such path. See openapi.json for those there are.",
        405: "This path does not take that method. See openapi.json.",
    }.get(status, "The request cannot be read. See openapi.json.")
    return JSONResponse(body(code, message), status, error.headers)


async def _collision(_request: Request, _error: Exception) -> JSONResponse:
    """Two calls made the same thing at the same moment; the database let one through."""
    message = "Another call has just made something of this name. Look at it and try again."
    return JSONResponse(body("already_exists", message), 409)


async def _unexpected(_request: Request, _error: Exception) -> JSONResponse:
    """The server logs the error; this handler stands outside the middleware."""
    message = "The call failed for a reason that was not foreseen. The server's log says more."
    headers = {name.decode(): value.decode() for name, value in SECURITY_HEADERS}
    return JSONResponse(body("internal_error", message), 500, headers)


async def _outage(_request: Request, error: Exception) -> JSONResponse:
    if not is_away(error):
        raise error  # a fault of ours: it is logged, and answered as such
    message = "The database does not answer. Try again in a few seconds."
    return JSONResponse(body("database_unavailable", message), 503, {"Retry-After": _RETRY_AFTER_S})
