"""``POST /v1/messages/count_tokens``: how long a prompt is, counted here.

Nothing leaves the gateway and nothing is kept, so there is no audit record and no bill; the key
must be valid, the model allowed, and the request counts against the limits of requests.
"""

import asyncio

import msgspec

from gateway.http.connection import Connection
from gateway.limits import Limiter
from gateway.pipeline.authenticate import Authenticate
from gateway.routing.targets import Router
from gateway.settings import Settings
from gateway.surfaces.checks import decode_object
from gateway.surfaces.messages_request import to_chat
from gateway.upstreams import Gate


class CountTokens:
    """Counts with the tokenizer of the upstream that would be asked first."""

    def __init__(
        self,
        authenticate: Authenticate,
        settings: Settings,
        router: Router,
        limiter: Limiter,
        upstreams: Gate,
    ) -> None:
        self._authenticate = authenticate
        self._settings = settings
        self._router = router
        self._limiter = limiter
        self._upstreams = upstreams

    async def __call__(self, connection: Connection) -> None:
        principal, policy = await self._authenticate.who(connection)
        raw = await connection.read_body(self._settings.server.max_body_bytes)
        scopes = (
            (f"tenant:{principal.tenant}", principal.tenant_limits),
            (f"key:{principal.key_id}", principal.limits),
        )
        permit = await self._limiter.acquire(scopes, 0)
        try:
            body = to_chat(decode_object(raw), counted_only=True)
            target = self._router.targets(body["model"], policy)[0]
            counter = self._upstreams[target.upstream].counter
            count = await asyncio.to_thread(counter.prompt, body)
        finally:
            await self._limiter.release(permit, 0)
        await connection.respond(200, [], msgspec.json.encode({"input_tokens": count}))
