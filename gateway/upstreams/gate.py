"""The one gate through which every request to an upstream passes.

Whoever sends (the first attempt, a retry elsewhere, a fallback, shadow traffic, a batch) asks
``Gate.clear`` for a ``Passage``: it looks at the zone of the upstream as it is at that moment,
and at those that the tenant's policy allows. Nothing else can reach ``Upstream.send``: what the
gate shows of an upstream (``Deployed``) has no such method, and an import contract keeps the
classes that do within this package.
"""

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Literal

from gateway.egress import Sovereignty
from gateway.errors import UpstreamUnreachable, ZoneForbidden
from gateway.settings import UpstreamSettings
from gateway.tokens import TokenCounter
from gateway.upstreams.base import Health, Reply, Upstream, UpstreamRequest

Origin = Literal["file", "database"]


class Deployed:
    """An upstream as the rest of the gateway sees it: everything but ``send``."""

    def __init__(
        self,
        settings: UpstreamSettings,
        upstream: Upstream,
        *,
        origin: Origin = "file",
        revision: str = "",
    ) -> None:
        """
        Args:
            revision: tells whether a stored definition is still the one this was made of.
        """
        self.settings = settings
        self.origin: Origin = origin
        self.revision = revision
        self.counter = TokenCounter(settings.tokenizer)
        self.models = frozenset(settings.models)
        self.deadline = Decimal(str(settings.total_timeout_s))
        self.__upstream = upstream
        self.__passages = 0
        self.__retired = False

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def zone(self) -> str:
        return self.settings.zone

    @property
    def health(self) -> Health:
        return self.__upstream.health

    async def check(self) -> None:
        """Ask the servers for their health and renew ``health``."""
        await self.__upstream.check()

    def weights_digest(self, model: str) -> str | None:
        """Digest of the weights that serve ``model``, where the upstream tells it."""
        return self.__upstream.weights_digest(model)

    async def retire(self) -> None:
        """Take no more requests; connections are closed when the last answer is through."""
        self.__retired = True
        await self._close_when_idle()

    def _enter(self) -> Upstream:
        self.__passages += 1
        return self.__upstream

    async def _leave(self) -> None:
        self.__passages -= 1
        await self._close_when_idle()

    async def _close_when_idle(self) -> None:
        if self.__retired and self.__passages == 0:
            await self.__upstream.aclose()


class Passage:
    """Leave to send to one upstream, until ``aclose``; given by ``Gate.clear``."""

    def __init__(self, deployed: Deployed) -> None:
        self.deployed = deployed
        self.__upstream: Upstream | None = deployed._enter()

    async def send(self, request: UpstreamRequest) -> Reply:
        """Send and wait for the beginning of the answer.

        Raises:
            gateway.errors.UpstreamError: one of its kinds, for every failure.
        """
        if self.__upstream is None:
            raise RuntimeError("this passage is over")
        return await self.__upstream.send(request)

    async def aclose(self) -> None:
        """Give the leave back, after the answer; may be called more than once."""
        if self.__upstream is not None:
            self.__upstream = None
            await self.deployed._leave()


class Gate(Mapping[str, Deployed]):
    """The upstreams by name, and the way to them.

    Args:
        sovereignty: zones beyond which nothing goes, whatever a policy says.
    """

    def __init__(
        self,
        deployed: Collection[Deployed] = (),
        sovereignty: Sovereignty = Sovereignty(),  # noqa: B008 - frozen
    ) -> None:
        self._sovereignty = sovereignty
        self._deployed: Mapping[str, Deployed] = {each.name: each for each in deployed}

    def __getitem__(self, name: str) -> Deployed:
        return self._deployed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._deployed)

    def __len__(self) -> int:
        return len(self._deployed)

    def clear(self, upstream: str, *, zone: str, allowed: Collection[str]) -> Passage:
        """Leave for a request to go to ``upstream``.

        Args:
            zone: where it was when the request was routed there, as the record will say.
            allowed: zones of the tenant's policy.

        Raises:
            ZoneForbidden: the traffic may not go there.
            UpstreamUnreachable: the upstream was taken away.
        """
        deployed = self._deployed.get(upstream)
        if deployed is None:
            raise UpstreamUnreachable(
                f"Upstream {upstream} was taken away meanwhile; send the request again.",
                upstream=upstream,
            )
        if (
            deployed.zone != zone
            or deployed.zone not in allowed
            or not self._sovereignty.allows(deployed.zone)
        ):
            raise ZoneForbidden(
                f"Upstream {upstream} is in a zone that your policy does not allow, so nothing was"
                " sent; choose another model or ask your administrator.",
                param="model",
            )
        return Passage(deployed)

    async def replace(self, origin: Origin, deployed: Collection[Deployed]) -> None:
        """Put these in the place of all of ``origin``; the same object stays as it is."""
        before = self._deployed
        others = {name: each for name, each in before.items() if each.origin != origin}
        # What the file names, the file alone decides.
        self._deployed = {each.name: each for each in deployed} | others
        kept = set(map(id, self._deployed.values()))
        for each in before.values():
            if id(each) not in kept:
                await each.retire()

    async def aclose(self) -> None:
        for each in self._deployed.values():
            await each.retire()
