"""The one gate through which every request to an upstream passes.

Whoever sends (the first attempt, a retry elsewhere, a fallback, shadow traffic, a batch) asks
``Gate.clear`` for a ``Passage``: it looks at the zone of the upstream as it is at that moment,
and at those that the tenant's policy allows. Nothing else can reach ``Upstream.send``: what the
gate shows of an upstream (``Deployed``) has no such method, and an import contract keeps the
classes that do within this package.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import Literal

from gateway.egress import Sovereignty
from gateway.errors import UpstreamUnreachable, ZoneForbidden
from gateway.settings import UpstreamSettings
from gateway.tokens import TokenCounter
from gateway.upstreams.base import Health, Reply, Upstream, UpstreamRequest
from gateway.upstreams.resilience import Attempt, Sender, Standing, Turn
from gateway.upstreams.resilience.attempts import Kind
from gateway.upstreams.resilience.breaker import BreakerState
from gateway.upstreams.resilience.deadlines import Deadlines
from gateway.upstreams.resilience.queue import Priority
from gateway.upstreams.resilience.sender import Sent
from gateway.upstreams.resilience.slots import Slots

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
        self.standing = Standing(settings, upstream.servers, upstream.health)
        self.__upstream = upstream
        self.__sender = Sender(settings, upstream, self.standing)
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

    @property
    def is_available(self) -> bool:
        """Whether a request that goes there has good prospects."""
        return self.__upstream.health.healthy and self.standing.admits

    @property
    def detail(self) -> str:
        """Its health and what is done about its failures, for administrators."""
        standing = self.standing
        told = [self.health.detail]
        if standing.state is not BreakerState.CLOSED:
            told.append(f"its breaker is {standing.state.name.lower().replace('_', ' ')}")
        if standing.ejected:
            told.append(f"passed over: server {', '.join(map(str, standing.ejected))}")
        if standing.slots is not None and (waiting := standing.slots.all_waiting):
            told.append(f"{waiting} requests wait")
        return "; ".join(told)

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

    def _enter(self) -> Sender:
        self.__passages += 1
        return self.__sender

    async def _leave(self) -> None:
        self.__passages -= 1
        await self._close_when_idle()

    async def _close_when_idle(self) -> None:
        if self.__retired and self.__passages == 0:
            await self.__upstream.aclose()


class Passage:
    """Leave to send to one upstream, until ``aclose``; given by ``Gate.clear``."""

    __slots__ = ("__epoch", "__room", "__sender", "__sent", "deployed")

    def __init__(self, deployed: Deployed) -> None:
        self.deployed = deployed
        self.__sender: Sender | None = deployed._enter()
        self.__epoch: int | None = None
        self.__room: tuple[Slots, Priority] | None = None
        self.__sent: Sent | None = None

    async def enter(self, turn: Callable[[], Turn]) -> None:
        """Wait for room at the upstream, and ask its breaker; nothing is sent yet.

        Args:
            turn: who waits, where it has to.

        Raises:
            UpstreamUnavailable: one of its kinds.
        """
        standing = self.deployed.standing
        if standing.slots is not None:
            own = turn()
            await standing.slots.take(own)
            self.__room = (standing.slots, own.priority)
        self.__epoch = standing.admit()

    async def send(
        self,
        request: UpstreamRequest,
        attempts: list[Attempt] | None = None,
        *,
        kind: Kind = "first",
        total_by: float | None = None,
        patient: bool = True,
    ) -> Reply:
        """Send and wait for the beginning of the answer (see ``Sender.send``).

        Raises:
            gateway.errors.UpstreamError: one of its kinds, for every failure.
        """
        if self.__sender is None:
            raise RuntimeError("this passage is over")
        standing = self.deployed.standing
        epoch, self.__epoch = self.__epoch, None
        if epoch is None:
            epoch = standing.admit()
        if total_by is None:
            total_by = standing.now() + self.deployed.settings.total_timeout_s
        self.__sent = await self.__sender.send(
            request,
            [] if attempts is None else attempts,
            epoch=epoch,
            total_by=total_by,
            kind=kind,
            patient=patient,
        )
        return self.__sent.reply

    @property
    def deadlines(self) -> Deadlines:
        """Of the answer that began."""
        assert self.__sent is not None, "send comes first"
        return self.__sent.deadlines

    async def aclose(self, error: Exception | None = None) -> None:
        """Give the leave back, after the answer; may be called more than once.

        Args:
            error: what the answer ended in.
        """
        sender, self.__sender = self.__sender, None
        if sender is None:
            return
        if self.__sent is not None:
            sender.ended(self.__sent, error)
        elif self.__epoch is not None:
            self.deployed.standing.breaker.abandoned(self.__epoch)
        if self.__room is not None:
            slots, priority = self.__room
            slots.give_back(priority)
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

    @property
    def deployed(self) -> Mapping[str, Deployed]:
        """All as they are now: another object once any was added, changed or taken away."""
        return self._deployed

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
