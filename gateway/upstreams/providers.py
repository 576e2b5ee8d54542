"""Providers that speak no OpenAI dialect, through litellm (imported at first use).

litellm costs 1.5 s and 150 MB to import and 8 ms a request, so that nothing else of the gateway
touches it. Its functions take addresses, keys and much else beside the API's parameters: what a
client sends passes through ``_TAKEN`` only.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from gateway.errors import (
    UpstreamError,
    UpstreamInvalidReply,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.settings import UpstreamSettings
from gateway.upstreams.base import Health, Reply, UpstreamRequest
from gateway.upstreams.client import retry_after
from gateway.upstreams.dialects import Speech

_REJECTED_STATUS = frozenset({400, 404, 413, 415, 422})
_FUNCTIONS = {
    "/chat/completions": "acompletion",
    "/completions": "atext_completion",
    "/embeddings": "aembedding",
    "/images/generations": "aimage_generation",
    "/moderations": "amoderation",
}
_SAMPLING = "temperature top_p n stop seed max_tokens presence_penalty frequency_penalty user"
_TAKEN: Mapping[str, frozenset[str]] = {
    "/chat/completions": frozenset(
        f"{_SAMPLING} model messages stream stream_options max_completion_tokens tools tool_choice"
        " parallel_tool_calls functions function_call logit_bias logprobs top_logprobs top_k"
        " response_format reasoning_effort thinking verbosity modalities audio prediction"
        " service_tier web_search_options safety_identifier prompt_cache_key".split()
    ),
    "/completions": frozenset(
        f"{_SAMPLING} model prompt suffix echo best_of logit_bias logprobs stream"
        " stream_options".split()
    ),
    "/embeddings": frozenset(
        ["model", "input", "dimensions", "encoding_format", "user", "input_type"]
    ),
    "/images/generations": frozenset(
        ["model", "prompt", "n", "quality", "response_format", "size", "style", "user"]
    ),
    "/moderations": frozenset(["model", "input"]),
}
# These read pictures from their address themselves; for the others litellm would fetch them,
# from here, past the egress rules.
_READ_ADDRESSES = frozenset({"openai", "azure", "anthropic"})
_ITS_OWN = ("provider_specific_fields", "vertex_ai_")
_REPEATED = frozenset({"provider_specific_fields"})
_CONNECTING = frozenset({"ConnectError", "ClientConnectorError", "ClientConnectorDNSError"})


class LitellmUpstream:
    """A provider behind litellm.

    Args:
        secrets: further keywords of its calls that hold secrets.
    """

    def __init__(
        self,
        settings: UpstreamSettings,
        *,
        api_key: str | None,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        self.name = settings.name
        self.zone = settings.zone
        self.models = frozenset(settings.models)
        self.health = Health(detail="a provider: not asked")
        self.servers = (settings.name,)
        self._prefix = settings.model_prefix or ""
        self._reads_addresses = self._prefix.split("/")[0] in _READ_ADDRESSES
        self._speech = Speech(settings)
        self._library: Any = None
        self._options: dict[str, Any] = {
            **settings.params,
            **(secrets or {}),
            "timeout": settings.read_timeout_s,
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": True,
            # Else it looks for the tools of its own proxy, which is not installed.
            "_skip_mcp_handler": True,
        }
        if api_key is not None:
            self._options["api_key"] = api_key
        if settings.base_url is not None:
            self._options["api_base"] = settings.base_url

    async def send(self, request: UpstreamRequest, server: int = 0) -> Reply:
        function = _FUNCTIONS.get(request.endpoint)
        if function is None:
            raise UpstreamRejected(
                f"Upstream {self.name} has no {request.endpoint}; choose a model of another"
                " upstream.",
                upstream=self.name,
                upstream_status=404,
            )
        if request.files:
            raise UpstreamRejected(
                f"Upstream {self.name} takes no files here; choose a model of another upstream.",
                upstream=self.name,
                upstream_status=400,
            )
        keywords = self._keywords(request)
        if self._library is None:
            self._library = await asyncio.to_thread(_import)  # requests go on meanwhile
        try:
            response = await getattr(self._library, function)(**keywords)
        except Exception as error:
            raise self._translate(error) from None
        reply = _LitellmReply(self, response)
        return self._speech.reply(reply, request)

    async def check(self) -> None:
        """Providers are not asked: a health check there costs money."""

    def weights_digest(self, model: str) -> str | None:
        return None

    async def aclose(self) -> None:
        """litellm keeps its own connections."""

    def _keywords(self, request: UpstreamRequest) -> dict[str, Any]:
        body = self._speech.body(request)
        if not self._reads_addresses and _names_an_address(body.get("messages")):
            raise UpstreamRejected(
                f"Upstream {self.name} reads no pictures or files from an address; send them as"
                " a data: URL.",
                upstream=self.name,
                upstream_status=400,
            )
        taken = _TAKEN[request.endpoint]
        keywords = {name: value for name, value in body.items() if name in taken}
        keywords["model"] = f"{self._prefix}/{body['model']}"
        if self._speech.dialect.name == "deepseek":
            # litellm's own translation would lose the effort.
            said = {name: keywords.pop(name, None) for name in ("thinking", "reasoning_effort")}
            keywords["extra_body"] = {key: value for key, value in said.items() if value}
        elif self._speech.dialect.name == "openai":
            # A deployment's name does not tell litellm that its model reasons.
            keywords["allowed_openai_params"] = ["reasoning_effort"]
        if request.stream:
            keywords["stream"] = True
        if request.trace is not None:
            keywords["extra_headers"] = dict(request.trace)
        return {**keywords, **self._options}

    def _translate(self, error: Exception) -> UpstreamError:
        # litellm's exceptions carry an HTTP status and, in their text, parts of the
        # request and sometimes the key: only their kind and the status are used.
        status = getattr(error, "status_code", None)
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "Timeout" in kinds or "APITimeoutError" in kinds:
            return UpstreamTimeout(
                f"Upstream {self.name} did not answer in time; try again later.", upstream=self.name
            )
        if status == 429:
            return UpstreamRateLimited(
                f"Upstream {self.name} is over its own rate limit; try again later.",
                upstream=self.name,
                retry_after=_retry_after(error),
            )
        if status in _REJECTED_STATUS:
            return UpstreamRejected(
                f"Upstream {self.name} rejected the request{_why(kinds)}",
                upstream=self.name,
                upstream_status=status,
            )
        if "APIConnectionError" in kinds or not _CONNECTING.isdisjoint(_chain(error)):
            return UpstreamUnreachable(
                f"Upstream {self.name} cannot be reached; try again later.", upstream=self.name
            )
        return UpstreamError(
            f"Upstream {self.name} failed ({type(error).__name__}); try again later.",
            upstream=self.name,
            upstream_status=status,
        )


class _LitellmReply:
    """A litellm answer as ``Reply``."""

    has_next = False

    def __init__(self, upstream: LitellmUpstream, response: Any) -> None:
        self.complete = False
        self._upstream = upstream
        self._response = response

    async def read(self) -> bytes:
        try:
            answer = self._response.model_dump(exclude_none=True)
        except AttributeError:
            raise self._odd() from None
        self.complete = True
        return _encoded(answer)

    async def events(self) -> AsyncIterator[bytes]:
        if not hasattr(self._response, "__aiter__"):
            raise self._odd()
        names: dict[str, Any] = {}
        try:
            async for chunk in self._response:
                event = chunk.model_dump(exclude_none=True)
                # Some providers' events have an id each.
                names = names or {key: event.get(key) for key in ("id", "created")}
                yield _encoded({**event, **names})
        except Exception as error:
            raise self._upstream._translate(error) from None
        self.complete = True

    async def aclose(self) -> None:
        """Hang up: a stream that goes on would be generated, and paid, to its end."""
        close = getattr(self._response, "aclose", None)
        if close is not None and not self.complete:
            await close()

    def _odd(self) -> UpstreamInvalidReply:
        name = self._upstream.name
        return UpstreamInvalidReply(
            f"Upstream {name} sent an answer of another kind; try again.", upstream=name
        )


def _encoded(answer: dict[str, Any]) -> bytes:
    """Without litellm's own fields, some of which tell the answer's text a second time."""
    for name in [name for name in answer if name.startswith(_ITS_OWN)]:
        del answer[name]
    choices = answer.get("choices") or []
    for choice in choices:
        choice.pop("provider_specific_fields", None)
        choice.setdefault("finish_reason", None)
        for place in ("message", "delta"):
            if isinstance(choice.get(place), dict):
                choice[place] = _node(choice[place], whole=place == "message")
    if choices and "usage" in answer and not any(_says_something(choice) for choice in choices):
        answer["choices"] = []
    return msgspec.json.encode(answer)


def _node(node: dict[str, Any], *, whole: bool) -> dict[str, Any]:
    node = {key: value for key, value in node.items() if key not in _REPEATED and value != []}
    if whole:
        node["content"] = node.get("content") or (None if node.get("tool_calls") else "")
        for call in node.get("tool_calls") or ():
            call.pop("index", None)
    return node


def _says_something(choice: dict[str, Any]) -> bool:
    if choice["finish_reason"] is not None or "message" in choice or "text" in choice:
        return True
    return bool(choice.get("delta"))


def _names_an_address(messages: Any) -> bool:
    """Whether a part of a message is to be fetched from somewhere."""
    for message in messages if isinstance(messages, list) else ():
        parts = message.get("content") if isinstance(message, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict) and _has_address(part):
                return True
    return False


def _has_address(part: dict[str, Any]) -> bool:
    """Texts are no addresses; whatever else has one beside them is not a ``data:`` URL."""
    for key, value in part.items():
        if key in {"type", "text", "cache_control"}:
            continue
        inner = value.values() if isinstance(value, dict) else [value]
        for item in inner:
            if isinstance(item, str) and "://" in item[:32] and not item.startswith("data:"):
                return True
    return False


def _chain(error: BaseException) -> set[str]:
    """Names of what led to it."""
    names: set[str] = set()
    link: BaseException | None = error
    while link is not None and len(names) < 20:
        names.add(type(link).__name__)
        link = link.__cause__ or link.__context__
    return names


def _why(kinds: set[str]) -> str:
    if "ContextWindowExceededError" in kinds:
        return ": it is longer than the model's context; shorten it."
    if "ContentPolicyViolationError" in kinds:
        return ": it is against the provider's content policy."
    return "; check the parameters that the model takes."


def _retry_after(error: Exception) -> str | None:
    for holder in (getattr(error, "response", None), error, error.__context__):
        headers = getattr(holder, "headers", None)
        given = headers.get("retry-after") if isinstance(headers, Mapping) else None
        if isinstance(given, str):
            return retry_after(given)
    return None


def _import() -> Any:
    """The library, told to stay at home: at import it would fetch a price map and read ``.env``."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ["LITELLM_MODE"] = "PRODUCTION"
    import litellm

    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.disable_streaming_logging = True
    return litellm
