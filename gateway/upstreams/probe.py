"""Whether an upstream that is not stored yet answers.

Refused by the rules, closed, silent, no such name: the answer is the same and takes at least
the same time, so that nobody maps a network with it. One is asked at a time.
"""

import asyncio

from gateway.errors import GatewayError
from gateway.upstreams.building import build
from gateway.upstreams.definition import DefinitionRules, UpstreamSpec

_LEAST_S = 1.0
_MOST_S = 6.0


class Probe:
    """One per process."""

    def __init__(self, rules: DefinitionRules) -> None:
        self._rules = rules
        self._one = asyncio.Lock()

    async def answers(self, spec: UpstreamSpec) -> bool:
        """Whether a server of it answers over HTTP, with whatever status.

        Raises:
            GatewayError: the definition could not be stored (see ``DefinitionRules.check``).
        """
        self._rules.check(spec)
        async with self._one:
            least = asyncio.create_task(asyncio.sleep(_LEAST_S))
            try:
                answered = await self._ask(spec)
            finally:
                await least
            return answered

    async def _ask(self, spec: UpstreamSpec) -> bool:
        try:
            upstream = build(spec.settings(), self._rules.addresses(spec))
        except GatewayError:
            return False  # its key is not here
        try:
            async with asyncio.timeout(_MOST_S):
                await upstream.check()
            return upstream.health.healthy
        except TimeoutError:
            return False
        finally:
            await upstream.aclose()
