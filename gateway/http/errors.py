"""The one map from error classes to HTTP, and the OpenAI shape of an error.

An unmapped class takes its nearest mapped ancestor's place;
``tests/gateway/http/test_errors.py`` checks that each one has an ancestor
nearer than ``SovgateError`` and that docs/errors.md lists every code.
"""

import re
from dataclasses import dataclass

import msgspec

from billing.errors import (
    BillingError,
    BudgetExceeded,
    BudgetUnavailable,
    UnpricedModel,
)
from core.errors import SovgateError
from core.money import InvalidAmount
from gateway.archive.errors import ArchiveError
from gateway.audit.errors import AuditError, JournalUnavailable
from gateway.errors import (
    AuthenticationError,
    BodyTooLarge,
    ContentBlocked,
    GatewayError,
    HeadTooLarge,
    InvalidRequest,
    LimitExceeded,
    MalformedHttp,
    MethodNotAllowed,
    NotFound,
    RequestTimeout,
    ResidencyDenied,
    Unavailable,
    UnknownModel,
    UnsupportedEncoding,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
    UrlTooLong,
)
from gateway.evidence.errors import EvidenceError
from gateway.http.connection import HeaderList
from gateway.http.errors_stored import OF_STORED_REQUESTS
from gateway.retention.errors import RetentionError
from gateway.tenants.errors import (
    AuthenticationFailed,
    DatabaseUnavailable,
    TenantsError,
    TenantSuspended,
)
from guardrails.errors import GuardError, InputTooLong

INVALID = "invalid_request_error"
SERVER = "server_error"

STATUS: dict[type[SovgateError], tuple[int, str]] = {
    **OF_STORED_REQUESTS,
    SovgateError: (500, SERVER),
    GatewayError: (500, SERVER),
    InvalidRequest: (400, INVALID),
    BodyTooLarge: (413, INVALID),
    UnknownModel: (404, INVALID),
    NotFound: (404, INVALID),
    MethodNotAllowed: (405, INVALID),
    UnsupportedEncoding: (415, INVALID),
    MalformedHttp: (400, INVALID),
    HeadTooLarge: (431, INVALID),
    UrlTooLong: (414, INVALID),
    RequestTimeout: (408, INVALID),
    AuthenticationError: (401, "authentication_error"),
    AuthenticationFailed: (401, "authentication_error"),
    TenantSuspended: (403, "permission_error"),
    TenantsError: (500, SERVER),
    DatabaseUnavailable: (503, SERVER),
    LimitExceeded: (429, "rate_limit_error"),
    BudgetExceeded: (429, "insufficient_quota"),
    BudgetUnavailable: (503, SERVER),
    UnpricedModel: (503, SERVER),
    BillingError: (500, SERVER),
    InvalidAmount: (400, INVALID),
    ContentBlocked: (400, "content_policy_error"),
    ResidencyDenied: (403, "permission_error"),
    Unavailable: (503, SERVER),
    GuardError: (503, SERVER),
    InputTooLong: (413, INVALID),
    JournalUnavailable: (503, SERVER),
    AuditError: (500, SERVER),
    ArchiveError: (500, SERVER),
    RetentionError: (500, SERVER),
    EvidenceError: (500, SERVER),
    UpstreamError: (502, "upstream_error"),
    UpstreamTimeout: (504, "upstream_error"),
    UpstreamUnavailable: (503, "upstream_error"),
    UpstreamRejected: (400, INVALID),
    UpstreamRateLimited: (429, "rate_limit_error"),
}
# A retry cannot help: the SDKs would send these 429s again by themselves.
_NO_RETRY = (BudgetExceeded,)
# An upstream's own `retry-after` comes through here.
_HEADER_VALUE = re.compile(r"[ -~]{1,64}")


@dataclass(frozen=True, slots=True)
class HttpError:
    """An error as it goes out."""

    status: int
    type: str
    code: str
    message: str
    param: str | None
    headers: HeaderList
    request_id: str | None = None  # for shapes that name it

    def body(self) -> bytes:
        """``{"error": {message, type, param, code}}``, as OpenAI's SDKs read it."""
        return msgspec.json.encode(
            {
                "error": {
                    "message": self.message,
                    "type": self.type,
                    "param": self.param,
                    "code": self.code,
                }
            }
        )


def http_error(error: Exception) -> HttpError:
    """The answer to an error; anything unexpected says nothing of its inside."""
    if not isinstance(error, SovgateError):
        return HttpError(
            500,
            SERVER,
            "internal_error",
            "Something went wrong inside the gateway; try again, and give the request id"
            " to your administrator if it stays.",
            None,
            [],
        )
    status, kind = status_of(type(error))
    headers: HeaderList = []
    retry_after = error.context.get("retry_after_s") or error.context.get("retry_after")
    if retry_after is not None and _HEADER_VALUE.fullmatch(str(retry_after)):
        headers.append((b"retry-after", str(retry_after).encode()))
    elif status == 503:
        headers.append((b"retry-after", b"1"))
    if "allow" in error.context:
        headers.append((b"allow", str(error.context["allow"]).encode()))
    if isinstance(error, _NO_RETRY):
        headers.append((b"x-should-retry", b"false"))
    return HttpError(status, kind, error.code, error.message, error.param, headers)


def status_of(kind: type[SovgateError]) -> tuple[int, str]:
    """Status and type of the nearest mapped class."""
    return next(STATUS[base] for base in kind.__mro__ if base in STATUS)
