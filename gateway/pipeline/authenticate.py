"""Stage 1: virtual key -> principal and policy."""

from collections.abc import Mapping

from gateway.errors import MissingKey
from gateway.exchange import Exchange
from gateway.settings import PolicySettings
from gateway.tenants.cache import KeyCache


class Authenticate:
    """Looks the key up; from memory as long as it was seen lately."""

    name = "authenticate"

    def __init__(self, keys: KeyCache, policies: Mapping[str, PolicySettings]) -> None:
        self._keys = keys
        self._policies = policies

    async def enter(self, exchange: Exchange) -> None:
        connection = exchange.connection
        scheme, _, key = (connection.header(b"authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            key = connection.header(b"x-api-key") or ""
        if not key.strip():
            raise MissingKey("Send your API key as 'Authorization: Bearer sov-...'.")
        principal = await self._keys.principal(key.strip())
        exchange.principal = principal
        # A policy that the file no longer holds must not mean a weaker one: bootstrap
        # refuses to start then, so a missing name here is a fault and denies.
        exchange.policy = self._policies[principal.policy]

    async def leave(self, exchange: Exchange) -> None:
        """Nothing was taken."""
