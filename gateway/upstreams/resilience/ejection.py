"""Outlier ejection: servers of a pool that are passed over for a while."""

from statistics import median

from gateway.settings import ResilienceSettings

_SMOOTHING = 0.2
_LEAST_SAMPLES = 20
_LEAST_LATENCY_S = 0.05  # below this nobody is too slow


class _Server:
    __slots__ = ("ejections", "failures", "latency_s", "samples", "until")

    def __init__(self) -> None:
        self.failures = 0  # in a row
        self.ejections = 0  # in a row
        self.until: float | None = None  # when it may come back
        self.latency_s = 0.0
        self.samples = 0


class Ejection:
    """Watches the servers of one pool.

    A server that was ejected comes back by and by: for as long as it was away it gets a rising
    share of what would be its own. Which requests these are depends on them alone, so that a
    conversation moves once.
    """

    def __init__(self, servers: int, settings: ResilienceSettings) -> None:
        self._servers = [_Server() for _ in range(servers)]
        self._after = settings.eject_after
        self._factor = settings.eject_latency_factor
        self._eject_s = settings.eject_s
        share = max(servers * settings.eject_max_percent // 100, 1)
        self._most = share if servers > 1 and settings.eject_max_percent else 0
        self._away = 0  # servers whose `until` is set: 0 means that nobody has to be asked
        self.ejected = 0  # times

    @property
    def is_idle(self) -> bool:
        """All servers get all of their share."""
        return not self._away

    def share(self, server: int, now: float) -> float:
        """The share of its own requests that the server gets: 0 while ejected, then up to 1."""
        state = self._servers[server]
        if state.until is None:
            return 1.0
        share = (now - state.until) / (self._eject_s * state.ejections)
        if share >= 1.0:
            state.until = None
            self._away -= 1
            return 1.0
        return max(share, 0.0)

    def out(self, now: float) -> list[int]:
        """The servers that are ejected now."""
        return [
            index
            for index, state in enumerate(self._servers)
            if state.until is not None and state.until > now
        ]

    def answered(self, server: int, latency_s: float, now: float) -> None:
        """An answer began after ``latency_s``."""
        if self._factor is None:
            return
        state = self._servers[server]
        state.samples += 1
        weight = max(_SMOOTHING, 1 / state.samples)
        state.latency_s += weight * (latency_s - state.latency_s)
        if self._is_slow(state):
            state.samples = 0
            self._eject(state, now)

    def succeeded(self, server: int) -> None:
        """An answer came whole."""
        state = self._servers[server]
        state.failures = 0
        if state.until is None:
            state.ejections = 0

    def failed(self, server: int, now: float) -> None:
        state = self._servers[server]
        state.failures += 1
        back = state.until is not None and state.until <= now  # on trial: once is enough
        if self._after is not None and (back or state.failures >= self._after):
            self._eject(state, now)

    def _is_slow(self, state: _Server) -> bool:
        if state.samples < _LEAST_SAMPLES or state.latency_s < _LEAST_LATENCY_S:
            return False
        others = [s.latency_s for s in self._servers if s.samples >= _LEAST_SAMPLES]
        return len(others) > 1 and state.latency_s > (self._factor or 0) * median(others)

    def _eject(self, state: _Server, now: float) -> None:
        if state.until is not None and state.until > now:
            return
        if len(self.out(now)) >= self._most:
            return
        if state.until is None:
            self._away += 1
        state.ejections += 1
        state.until = now + self._eject_s * state.ejections
        state.failures = 0
        self.ejected += 1
