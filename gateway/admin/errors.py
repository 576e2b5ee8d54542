"""The admin API's own errors, and the map from every error to an HTTP status.

SovgateError
└── AdminError
    ├── NotSignedIn
    ├── LoginFailed
    ├── LoginThrottled
    ├── Forbidden
    ├── CsrfFailed
    ├── InvalidRequest ── BodyTooLarge
    ├── ExportNotReady
    ├── ExplainThrottled
    └── (gateway.tenants.errors: NotFound, AlreadyExists, InvalidValue, LastOwner;
         gateway.recognizers.errors; guardrails.errors)
"""

from billing import errors as billing
from core.errors import SovgateError
from core.money import InvalidAmount
from gateway.archive import errors as archive
from gateway.audit import errors as audit
from gateway.egress import errors as egress
from gateway.recognizers import errors as recognizers
from gateway.retention import errors as retention
from gateway.tenants import errors as tenants
from gateway.upstreams import errors as upstreams
from guardrails import errors as guardrails
from guardrails.pii.custom.errors import InvalidRecognizer


class AdminError(SovgateError):
    """The root of this package's errors."""

    code = "admin_error"


class NotSignedIn(AdminError):
    """There is no session, or it has ended."""

    code = "not_signed_in"

    def __init__(self) -> None:
        super().__init__("There is no valid session. Sign in with POST /login.")


class LoginFailed(AdminError):
    """Wrong address or password, or a disabled account: never said which."""

    code = "login_failed"

    def __init__(self) -> None:
        super().__init__("The address or the password is wrong.")


class LoginThrottled(AdminError):
    """Too many failed attempts for this account or from this address."""

    code = "login_throttled"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            f"There were too many failed attempts. Try again in {retry_after_s} seconds.",
            retry_after_s=retry_after_s,
        )


class Forbidden(AdminError):
    """The account's roles do not allow the call."""

    code = "forbidden"

    def __init__(self, permission: str) -> None:
        super().__init__(
            f"This needs the permission {permission}, which your roles do not give. "
            "Ask an owner of the deployment.",
            permission=permission,
        )


class CsrfFailed(AdminError):
    """A changing call with the cookie lacks the session's token."""

    code = "csrf_failed"

    def __init__(self) -> None:
        super().__init__(
            "Send the csrf_token that /login and /me return as the header X-CSRF-Token.",
            param="X-CSRF-Token",
        )


class InvalidRequest(AdminError):
    """A body, path or query that does not fit the API's description."""

    code = "invalid_request"


class BodyTooLarge(InvalidRequest):
    """The body is larger than any that the API takes."""

    code = "request_too_large"


class ExportNotReady(AdminError):
    """The export is still being written, or it failed."""

    code = "export_not_ready"


class ExplainThrottled(AdminError):
    """Too many texts are looked at, or this account asked too often."""

    code = "explain_throttled"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            f"Too many texts at a time. Try again in {retry_after_s} seconds.",
            retry_after_s=retry_after_s,
        )


STATUS: dict[type[SovgateError], int] = {
    NotSignedIn: 401,
    LoginFailed: 401,
    LoginThrottled: 429,
    Forbidden: 403,
    CsrfFailed: 403,
    BodyTooLarge: 413,
    InvalidRequest: 422,
    ExportNotReady: 409,
    ExplainThrottled: 429,
    InvalidAmount: 422,
    billing.UnknownBudget: 404,
    billing.UnknownRaise: 404,
    billing.UnknownJob: 404,
    billing.UnknownJobKind: 422,
    billing.InvalidJob: 422,
    billing.JobKeyReused: 422,
    billing.JobStateConflict: 409,
    billing.InvalidBudget: 422,
    billing.InvalidReport: 422,
    billing.InvalidSettlement: 422,
    billing.InvalidPrice: 422,
    billing.OverlappingPrices: 409,
    billing.NamedInFile: 409,
    billing.UnknownPriceEntry: 404,
    billing.UnpricedModel: 404,
    billing.NoExchangeRate: 422,
    billing.InvalidPlan: 422,
    billing.InvalidProfile: 422,
    billing.InvalidInvoice: 422,
    billing.UnknownProfile: 404,
    billing.UnknownInvoice: 404,
    billing.InvoiceError: 409,
    tenants.NotFound: 404,
    tenants.AlreadyExists: 409,
    tenants.InvalidValue: 422,
    tenants.LastOwner: 409,
    tenants.DatabaseUnavailable: 503,
    archive.BodyNotFound: 404,
    archive.BodyGone: 410,
    retention.UnknownHold: 404,
    retention.LegalHold: 409,
    retention.RetentionError: 422,
    audit.InvalidFilter: 422,
    audit.NoProof: 409,
    audit.InvalidReason: 422,
    audit.ReasonRequired: 422,
    recognizers.TooManyRecognizers: 409,
    recognizers.VersionConflict: 409,
    recognizers.RecognizerUnreadable: 503,
    egress.EgressError: 422,
    egress.ForeignZone: 409,
    upstreams.UpstreamDefinitionError: 422,
    upstreams.UpstreamInFile: 409,
    upstreams.UpstreamChanged: 409,
    InvalidRecognizer: 422,
    guardrails.InputTooLong: 413,
    guardrails.GuardError: 503,
}


def status_of(error: SovgateError) -> int:
    """The status of an error's nearest class in ``STATUS``; 500 for a foreign one."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
