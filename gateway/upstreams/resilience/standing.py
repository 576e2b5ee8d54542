"""What the gateway knows of an upstream from the requests that it sent there."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from gateway.errors import UpstreamUnavailable
from gateway.settings import UpstreamSettings
from gateway.upstreams.base import Health
from gateway.upstreams.resilience.attempts import Kind
from gateway.upstreams.resilience.breaker import Breaker, BreakerState
from gateway.upstreams.resilience.budget import RetryBudget
from gateway.upstreams.resilience.servers import Servers
from gateway.upstreams.resilience.slots import Slots


class Standing:
    """Breaker, ejection, retry budget and slots of one upstream; it sends nothing.

    Args:
        names: of its servers.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: UpstreamSettings,
        names: Sequence[str],
        health: Health,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        rules = settings.resilience
        self.now = clock
        self.servers = Servers(names, health, rules)
        self.breaker = Breaker(rules)
        self.budget = RetryBudget(rules)
        self.slots = (
            None
            if rules.max_concurrency is None
            else Slots(
                settings.name, rules.max_concurrency, rules.queue_length, rules.queue_timeout_s
            )
        )
        self.counts: Counter[tuple[Kind, str]] = Counter()  # attempts by kind and result
        self._name = settings.name

    @property
    def state(self) -> BreakerState:
        return self.breaker.state(self.now())

    @property
    def ejected(self) -> list[int]:
        """Numbers, from 1, of the servers that are passed over now."""
        return [server + 1 for server in self.servers.ejection.out(self.now())]

    @property
    def admits(self) -> bool:
        """Whether a request may go there now."""
        return self.breaker.admits(self.now())

    def admit(self) -> int:
        """Leave from the breaker for an attempt; it takes back the number with its outcome.

        Raises:
            UpstreamUnavailable: it is open.
        """
        now = self.now()
        epoch = self.breaker.acquire(now)
        if epoch is None:
            raise UpstreamUnavailable(
                f"Upstream {self._name} has failed too often and is left alone for a while; try"
                " again later.",
                upstream=self._name,
                retry_after_s=round(self.breaker.retry_after_s(now)),
            )
        return epoch
