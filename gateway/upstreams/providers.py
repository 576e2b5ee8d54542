"""Providers that speak no OpenAI dialect, through litellm (imported at first use).

litellm costs 1.5 s and 150 MB to import and 8 ms a request, so that nothing
else of the gateway touches it.
"""

import os
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from gateway.errors import (
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.settings import UpstreamSettings
from gateway.upstreams.base import Health, Reply, UpstreamRequest
from gateway.upstreams.dialects import Speech

_REJECTED_STATUS = frozenset({400, 404, 413, 422})


class LitellmUpstream:
    """A provider behind ``litellm.acompletion``."""

    def __init__(self, settings: UpstreamSettings, *, api_key: str | None) -> None:
        self.name = settings.name
        self.zone = settings.zone
        self.models = frozenset(settings.models)
        self.health = Health(detail="a provider: not asked")
        self._prefix = settings.model_prefix
        self._speech = Speech(settings)
        self._options: dict[str, Any] = {
            "timeout": settings.read_timeout_s,
            "num_retries": 0,
            "drop_params": True,
        }
        if api_key is not None:
            self._options["api_key"] = api_key
        if settings.base_url is not None:
            self._options["api_base"] = settings.base_url

    async def send(self, request: UpstreamRequest) -> Reply:
        litellm = _litellm()
        body = self._speech.body(request)
        body["model"] = f"{self._prefix}/{body['model']}"
        try:
            response = await litellm.acompletion(**body, **self._options)
        except Exception as error:
            raise self._translate(error) from None
        return self._speech.reply(_LitellmReply(self, response, request.stream), request)

    async def check(self) -> None:
        """Providers are not asked: a health check there costs money."""

    def weights_digest(self, model: str) -> str | None:
        return None

    async def aclose(self) -> None:
        """litellm keeps its own connections."""

    def _translate(self, error: Exception) -> UpstreamError:
        # litellm's exceptions carry an HTTP status and, in their text, parts of the
        # request and sometimes the key: only the status is used.
        status = getattr(error, "status_code", None)
        kind = type(error).__name__
        if "Timeout" in kind:
            return UpstreamTimeout(
                f"Upstream {self.name} did not answer in time; try again later.", upstream=self.name
            )
        if "APIConnection" in kind:
            return UpstreamUnreachable(
                f"Upstream {self.name} cannot be reached; try again later.", upstream=self.name
            )
        if status == 429:
            return UpstreamRateLimited(
                f"Upstream {self.name} is over its own rate limit; try again later.",
                upstream=self.name,
            )
        if status in _REJECTED_STATUS:
            return UpstreamRejected(
                f"Upstream {self.name} rejected the request.",
                upstream=self.name,
                upstream_status=status,
            )
        return UpstreamError(
            f"Upstream {self.name} failed ({kind}); try again later.",
            upstream=self.name,
            upstream_status=status,
        )


def _litellm() -> Any:
    """The library, told to stay at home: at import it would fetch a price map."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.suppress_debug_info = True
    return litellm


class _LitellmReply:
    """A litellm answer as ``Reply``."""

    def __init__(self, upstream: LitellmUpstream, response: Any, stream: bool) -> None:
        self.complete = False
        self._upstream = upstream
        self._response = response
        self._stream = stream

    async def read(self) -> bytes:
        self.complete = True
        return msgspec.json.encode(self._response.model_dump(exclude_none=True))

    async def events(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response:
                yield msgspec.json.encode(chunk.model_dump(exclude_none=True))
        except Exception as error:
            raise self._upstream._translate(error) from None
        self.complete = True

    async def aclose(self) -> None:
        close = getattr(self._response, "aclose", None)
        if self._stream and close is not None:
            await close()
