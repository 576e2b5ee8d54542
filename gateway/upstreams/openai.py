"""Upstreams that speak the OpenAI chat-completions API: one server, or a pool of workers."""

import asyncio
from collections.abc import Mapping

import msgspec

from gateway.egress import AddressRules
from gateway.errors import (
    UpstreamError,
    UpstreamUnreachable,
)
from gateway.settings import UpstreamSettings
from gateway.upstreams.base import Health, Reply, UpstreamRequest
from gateway.upstreams.client import HttpClient
from gateway.upstreams.dialects import Speech
from gateway.upstreams.forms import encode_form

_HEALTH_TIMEOUT_S = 2.0


class OpenAiUpstream:
    """One OpenAI-compatible server, or several that are interchangeable.

    It makes one attempt at one server; which one, and whether there is another
    attempt, is for ``gateway.upstreams.resilience`` to say.
    """

    def __init__(
        self, settings: UpstreamSettings, rules: AddressRules, *, api_key: str | None
    ) -> None:
        self.name = settings.name
        self.zone = settings.zone
        self.models = frozenset(settings.models)
        self.health = Health()
        self.servers = [f"{url.rstrip('/')}/v1" for url in settings.workers] or [
            (settings.base_url or "").rstrip("/")
        ]
        self._is_pool = settings.kind == "pool"
        self._speech = Speech(settings)
        self._encode = msgspec.json.Encoder().encode
        self._weights: dict[str, str] = {}
        self.health.servers = dict.fromkeys(self.servers, True)
        headers = {} if api_key is None else {"authorization": f"Bearer {api_key}"}

        def client(headers: dict[str, str]) -> HttpClient:
            return HttpClient(
                settings.name,
                rules,
                connect_timeout_s=settings.connect_timeout_s,
                read_timeout_s=settings.read_timeout_s,
                headers=headers,
            )

        self._client = client({"content-type": "application/json", **headers})
        self._forms = client(headers)  # each form has a content type of its own

    async def send(self, request: UpstreamRequest, server: int = 0) -> Reply:
        headers = {"x-request-id": request.request_id, **(request.trace or {})}
        client = self._client
        if request.files:
            client = self._forms
            body, headers["content-type"] = encode_form(request.body, request.files)
        else:
            body = self._encode(self._speech.body(request))
        address = self.servers[server]
        try:
            reply = await client.post(f"{address}{request.endpoint}", body, headers)
        except UpstreamUnreachable:
            self.health.servers[address] = False  # until it is asked again
            raise
        return self._speech.reply(reply, request)

    async def check(self) -> None:
        """Pools answer ``/health`` beside ``/v1``; other servers are asked for their models."""
        await asyncio.gather(*map(self._check_server, self.servers))
        up = sum(self.health.servers.values())
        self.health.healthy = up > 0
        self.health.detail = f"{up} of {len(self.servers)} servers answer"

    async def _check_server(self, server: str) -> None:
        url = server.removesuffix("/v1") + "/health" if self._is_pool else f"{server}/models"
        try:
            await self._client.get(url, _HEALTH_TIMEOUT_S)
            if self._is_pool:
                await self._read_weights(server)
        except UpstreamError as error:
            self.health.servers[server] = isinstance(error.context.get("upstream_status"), int)
        else:
            self.health.servers[server] = True

    async def _read_weights(self, server: str) -> None:
        try:
            listing = msgspec.json.decode(
                await self._client.get(f"{server}/models", _HEALTH_TIMEOUT_S)
            )
            models = listing["data"]
        except (ValueError, RecursionError, KeyError, TypeError):
            return  # a listing of another shape names no weights
        for model in models if isinstance(models, list) else ():
            if isinstance(model, Mapping) and isinstance(model.get("weights_digest"), str):
                self._weights[str(model.get("id"))] = str(model["weights_digest"])

    def weights_digest(self, model: str) -> str | None:
        return self._weights.get(model)

    async def aclose(self) -> None:
        await self._client.aclose()
        await self._forms.aclose()
