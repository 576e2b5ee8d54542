"""Stage 1: virtual key -> principal and policy."""

from collections.abc import Mapping

from gateway.errors import MissingKey
from gateway.exchange import Exchange
from gateway.http.connection import Connection
from gateway.pipeline.stage import Stage
from gateway.settings import PolicySettings
from gateway.tenants.cache import KeyCache
from gateway.tenants.keys import Principal
from gateway.tenants.passes import LINE_PASS


class Authenticate(Stage):
    """Looks the key up; from memory as long as it was seen lately."""

    name = "authenticate"

    def __init__(self, keys: KeyCache, policies: Mapping[str, PolicySettings]) -> None:
        self._keys = keys
        self._policies = policies

    async def enter(self, exchange: Exchange) -> None:
        key = _key(exchange.connection)
        if key.startswith(LINE_PASS):
            exchange.priority = "batch"
        exchange.principal = principal = await self._keys.principal(key)
        exchange.policy = self._policy_of(principal)

    async def who(self, connection: Connection) -> tuple[Principal, PolicySettings]:
        """Whose key the request carries, and the policy that holds for it.

        Raises:
            AuthenticationError: it carries none, or one that is not valid.
        """
        principal = await self._keys.principal(_key(connection))
        return principal, self._policy_of(principal)

    def _policy_of(self, principal: Principal) -> PolicySettings:
        # A policy that the file no longer holds must not mean a weaker one: bootstrap
        # refuses to start then, so a missing name here is a fault and denies.
        return self._policies[principal.policy]


def _key(connection: Connection) -> str:
    scheme, _, key = (connection.header(b"authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        key = connection.header(b"x-api-key") or ""
    key = key.strip()
    if not key:
        raise MissingKey("Send your API key as 'Authorization: Bearer sov-...'.")
    return key
