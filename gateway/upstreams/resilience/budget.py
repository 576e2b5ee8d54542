"""How many further attempts an upstream may get, and when they come."""

from collections.abc import Callable

from gateway.settings import ResilienceSettings

_REFILL_S = 10.0


class RetryBudget:
    """A share of the requests, and a reserve: so that an upstream that fails every request does
    not get a multiple of them.

    Each request earns ``retry_percent`` hundredths of an attempt; the reserve is earned back
    within ten seconds, for upstreams that get few requests.
    """

    __slots__ = ("_balance", "_looked_at", "_most", "_share", "refused")

    def __init__(self, settings: ResilienceSettings) -> None:
        self._share = settings.retry_percent / 100
        self._most = float(settings.retry_reserve)
        self._balance = self._most
        self._looked_at: float | None = None
        self.refused = 0

    def earn(self) -> None:
        """A request came."""
        # One more than the reserve: a share alone must be able to add up to an attempt.
        self._balance = min(self._balance + self._share, self._most + 1.0)

    def spend(self, now: float) -> bool:
        """Take leave for one further attempt."""
        if self._looked_at is not None and self._balance < self._most:
            earned = (now - self._looked_at) * self._most / _REFILL_S
            self._balance = min(self._balance + earned, self._most)
        self._looked_at = now
        if self._balance < 0.999999:  # shares add up inexactly
            self.refused += 1
            return False
        self._balance -= 1.0
        return True


class Backoff:
    """Full jitter: a random part of a bound that doubles with each attempt."""

    __slots__ = ("_base_s", "_most_s", "_random")

    def __init__(self, settings: ResilienceSettings, random: Callable[[], float]) -> None:
        self._base_s = settings.backoff_ms / 1000
        self._most_s = settings.backoff_max_ms / 1000
        self._random = random

    def wait_s(self, number: int) -> float:
        """Seconds before the further attempt ``number``, counted from 1."""
        bound: float = min(self._base_s * 2 ** (number - 1), self._most_s)
        return self._random() * bound
