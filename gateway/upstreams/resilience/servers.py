"""The servers of one upstream, and in which order a request asks them."""

import hashlib
from collections.abc import Sequence

from gateway.settings import ResilienceSettings
from gateway.upstreams.base import Health
from gateway.upstreams.resilience.ejection import Ejection

_ONE = (0,)


class Servers:
    """Interchangeable servers by number.

    A request goes to the one that rendezvous hashing of its affinity text names, so that a
    conversation meets its prefix cache; the share of one that is away spreads over the others,
    and comes back to it.

    Args:
        health: by name; whether each answered when last asked.
    """

    def __init__(self, names: Sequence[str], health: Health, settings: ResilienceSettings) -> None:
        self._names = names
        self._encoded = [name.encode() for name in names]
        self._health = health
        self.ejection = Ejection(len(names), settings)

    def __len__(self) -> int:
        return len(self._names)

    def order(self, affinity: str, now: float) -> Sequence[int]:
        """Best first; those that are away come last, for there may be no other."""
        if len(self._names) == 1:
            return _ONE
        text = affinity.encode("utf-8", "replace")
        ranks = [
            hashlib.blake2b(name + b"\0" + text, digest_size=8).digest() for name in self._encoded
        ]
        away = set() if self.ejection.is_idle else self._away(ranks, now)
        up = self._health.servers
        return sorted(
            range(len(ranks)),
            key=lambda server: (
                up.get(self._names[server], True),
                server not in away,
                ranks[server],
            ),
            reverse=True,
        )

    def _away(self, ranks: Sequence[bytes], now: float) -> set[int]:
        # The last byte of a hash says nothing about who is first.
        shares = [self.ejection.share(server, now) for server in range(len(ranks))]
        return {server for server, rank in enumerate(ranks) if rank[-1] >= 256 * shares[server]}
