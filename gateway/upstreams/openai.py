"""Upstreams that speak the OpenAI chat-completions API: one server, or a pool of workers."""

import asyncio
import hashlib
from collections.abc import Mapping

import msgspec

from gateway.egress import AddressRules
from gateway.errors import (
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.settings import UpstreamSettings
from gateway.upstreams.base import Health, Reply, UpstreamRequest
from gateway.upstreams.client import HttpClient
from gateway.upstreams.dialects import Speech

_HEALTH_TIMEOUT_S = 2.0


class OpenAiUpstream:
    """One OpenAI-compatible server, or several that are interchangeable.

    A request goes to the server that rendezvous hashing of its affinity text
    names, so that a conversation meets its prefix cache; an unhealthy server's
    share spreads over the others. A further attempt goes to the next server.
    """

    def __init__(
        self, settings: UpstreamSettings, rules: AddressRules, *, api_key: str | None
    ) -> None:
        self.name = settings.name
        self.zone = settings.zone
        self.models = frozenset(settings.models)
        self.health = Health()
        self._servers = [f"{url.rstrip('/')}/v1" for url in settings.workers] or [
            (settings.base_url or "").rstrip("/")
        ]
        self._is_pool = settings.kind == "pool"
        self._speech = Speech(settings)
        self._attempts = settings.retries + 1
        self._weights: dict[str, str] = {}
        self.health.servers = dict.fromkeys(self._servers, True)
        headers = {"content-type": "application/json"}
        if api_key is not None:
            headers["authorization"] = f"Bearer {api_key}"
        self._client = HttpClient(
            settings.name,
            rules,
            connect_timeout_s=settings.connect_timeout_s,
            read_timeout_s=settings.read_timeout_s,
            headers=headers,
        )

    async def send(self, request: UpstreamRequest) -> Reply:
        body = msgspec.json.encode(self._speech.body(request))
        headers = {"x-request-id": request.request_id, **(request.trace or {})}
        servers = self._order(request.affinity)
        for attempt in range(self._attempts):
            server = servers[attempt % len(servers)]
            try:
                reply = await self._client.post(f"{server}{request.endpoint}", body, headers)
                return self._speech.reply(reply, request)
            except (UpstreamRejected, UpstreamTimeout, UpstreamRateLimited):
                raise  # a second attempt would say the same, or do the work twice
            except UpstreamError as error:
                if isinstance(error, UpstreamUnreachable):
                    self.health.servers[server] = False
                if attempt + 1 == self._attempts:
                    raise
                await asyncio.sleep(0.05 * 2**attempt)
        raise AssertionError("retries is at least 0")

    async def check(self) -> None:
        """Pools answer ``/health`` beside ``/v1``; other servers are asked for their models."""
        await asyncio.gather(*map(self._check_server, self._servers))
        up = sum(self.health.servers.values())
        self.health.healthy = up > 0
        self.health.detail = f"{up} of {len(self._servers)} servers answer"

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

    def _order(self, affinity: str) -> list[str]:
        if len(self._servers) == 1:
            return self._servers

        def rank(server: str) -> tuple[bool, bytes]:
            key = f"{server}\0{affinity}".encode("utf-8", "replace")
            return self.health.servers[server], hashlib.blake2b(key, digest_size=8).digest()

        return sorted(self._servers, key=rank, reverse=True)
