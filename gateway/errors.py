"""The gateway's errors.

    SovgateError
    └── GatewayError
        ├── SettingsError
        ├── InvalidRequest ── MalformedJson, BodyTooLarge, UnknownModel, NotFound, MethodNotAllowed,
        │                      UnsupportedEncoding, MalformedHttp, HeadTooLarge, UrlTooLong,
        │                      RequestTimeout, UnsupportedFeature, ModelNotNamed
        ├── AuthenticationError ── MissingKey (others: gateway.tenants.errors)
        ├── LimitExceeded ── RequestRateExceeded, TokenRateExceeded, ParallelLimitExceeded
        ├── ContentBlocked ── InputBlocked, InjectionBlocked, PersonalDataBlocked,
        │                      MediaBlocked, TokenIdsBlocked
        ├── ResidencyDenied ── ZoneForbidden
        ├── Unavailable ── ShuttingDown, TooManyConnections
        └── UpstreamError ── UpstreamUnreachable (UpstreamUntrusted, UpstreamConnectTimeout),
                             UpstreamTimeout (UpstreamFirstTokenTimeout, UpstreamIdleTimeout,
                             UpstreamTotalTimeout), UpstreamRejected, UpstreamRateLimited,
                             UpstreamInvalidReply, UpstreamUnavailable (UpstreamQueueFull,
                             UpstreamQueueTimeout)

``gateway/http/errors.py`` holds the one map from classes to HTTP.
"""

from core.errors import SovgateError


class GatewayError(SovgateError):
    """Base of the gateway's own errors."""

    code = "gateway_error"


class SettingsError(GatewayError):
    """The configuration is missing or not valid."""

    code = "invalid_settings"


class InvalidRequest(GatewayError):
    """A field of the request is missing or wrong."""

    code = "invalid_request"


class MalformedJson(InvalidRequest):
    """The body is not a JSON object."""

    code = "malformed_json"


class BodyTooLarge(InvalidRequest):
    """The body exceeds ``server.max_body_bytes``."""

    code = "request_too_large"


class UnsupportedFeature(InvalidRequest):
    """A part of a client's API that no upstream here could serve."""

    code = "unsupported_feature"


class ModelNotNamed(InvalidRequest):
    """A tier, where only a deployment can answer: embeddings, images, audio."""

    code = "tier_not_supported"


class UnknownModel(InvalidRequest):
    """No tier or deployment of that name is open to the tenant."""

    code = "model_not_found"


class NotFound(InvalidRequest):
    """No such path."""

    code = "not_found"


class MethodNotAllowed(InvalidRequest):
    """The path exists, the method does not."""

    code = "method_not_allowed"


class UnsupportedEncoding(InvalidRequest):
    """The body is compressed; nothing is unpacked here, so that nothing can blow up."""

    code = "unsupported_encoding"


class MalformedHttp(InvalidRequest):
    """The request is not HTTP/1.1, or could be read in two ways."""

    code = "malformed_http"


class HeadTooLarge(InvalidRequest):
    """The headers exceed ``server.max_header_bytes``, or are too many."""

    code = "headers_too_large"


class UrlTooLong(InvalidRequest):
    """The request line exceeds half of ``server.max_header_bytes``."""

    code = "url_too_long"


class RequestTimeout(InvalidRequest):
    """The request did not come within ``server.header_timeout_s`` and ``body_timeout_s``."""

    code = "request_timeout"


class AuthenticationError(GatewayError):
    """The caller is not known."""

    code = "authentication_failed"


class MissingKey(AuthenticationError):
    """No API key was sent."""

    code = "missing_api_key"


class LimitExceeded(GatewayError):
    """A rate limit; ``context['retry_after_s']`` says when to come back."""

    code = "rate_limit_exceeded"


class RequestRateExceeded(LimitExceeded):
    """Requests a minute."""

    code = "requests_per_minute_exceeded"


class TokenRateExceeded(LimitExceeded):
    """Tokens a minute."""

    code = "tokens_per_minute_exceeded"


class ParallelLimitExceeded(LimitExceeded):
    """Requests at the same time."""

    code = "parallel_requests_exceeded"


class ContentBlocked(GatewayError):
    """The tenant's policy blocks the content."""

    code = "content_blocked"


class InputBlocked(ContentBlocked):
    """Moderation blocked the prompt."""

    code = "input_blocked"


class InjectionBlocked(ContentBlocked):
    """The prompt tries to override its instructions."""

    code = "prompt_injection_blocked"


class PersonalDataBlocked(ContentBlocked):
    """The policy blocks personal data instead of masking it."""

    code = "personal_data_blocked"


class MediaBlocked(ContentBlocked):
    """The policy lets no images, audio or files pass, since no guard can read them."""

    code = "media_blocked"


class TokenIdsBlocked(ContentBlocked):
    """Token ids, which no guard can read, under a policy that wants texts read."""

    code = "token_ids_blocked"


class ResidencyDenied(GatewayError):
    """The policy allows none of the zones that serve the model."""

    code = "residency_denied"


class ZoneForbidden(ResidencyDenied):
    """At the moment of sending, the upstream's zone is not one that the policy allows."""

    code = "zone_forbidden"


class Unavailable(GatewayError):
    """The gateway cannot serve now."""

    code = "service_unavailable"


class ShuttingDown(Unavailable):
    """The process is stopping."""

    code = "shutting_down"


class TooManyConnections(Unavailable):
    """More clients than ``server.max_connections``."""

    code = "too_many_connections"


class UpstreamError(GatewayError):
    """The upstream failed; ``context['upstream']`` names it, and ``context['usage']`` holds the
    counts that came with its error, in the endpoint's shape."""

    code = "upstream_error"


class UpstreamUnreachable(UpstreamError):
    """No connection could be opened."""

    code = "upstream_unreachable"


class UpstreamUntrusted(UpstreamUnreachable):
    """Its certificate has expired, is another host's or is signed by nobody known."""

    code = "upstream_untrusted"


class UpstreamConnectTimeout(UpstreamUnreachable):
    """No connection within ``connect_timeout_s``."""

    code = "upstream_connect_timeout"


class UpstreamTimeout(UpstreamError):
    """The upstream was silent for too long."""

    code = "upstream_timeout"


class UpstreamFirstTokenTimeout(UpstreamTimeout):
    """No answer began within ``first_token_timeout_s``, or ``read_timeout_s``."""

    code = "upstream_first_token_timeout"


class UpstreamIdleTimeout(UpstreamTimeout):
    """Silence within an answer for ``read_timeout_s``."""

    code = "upstream_idle_timeout"


class UpstreamTotalTimeout(UpstreamTimeout):
    """The answer was not whole within ``total_timeout_s``."""

    code = "upstream_total_timeout"


class UpstreamRejected(UpstreamError):
    """The upstream found the request wrong (4xx)."""

    code = "upstream_rejected"


class UpstreamRateLimited(UpstreamError):
    """The upstream is over its own limit (429)."""

    code = "upstream_rate_limited"


class UpstreamInvalidReply(UpstreamError):
    """The upstream's answer is not what its API promises."""

    code = "upstream_invalid_reply"


class UpstreamUnavailable(UpstreamError):
    """The upstream is not asked now: its circuit breaker is open."""

    code = "upstream_unavailable"


class UpstreamQueueFull(UpstreamUnavailable):
    """As many requests wait for the upstream as may."""

    code = "upstream_queue_full"


class UpstreamQueueTimeout(UpstreamUnavailable):
    """The request's turn did not come within ``queue_timeout_s``."""

    code = "upstream_queue_timeout"
