"""The times and shares of the escrow."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowSettings:
    """How long money may stay where, and how much of it.

    Args:
        lease_ttl: a lease not renewed for so long may no longer be drawn from.
        reclaim_after: so long after its expiry others take a dead holder's lease;
            until then the holder may still come back and replay its journal.
        heartbeat: between two looks at the leases (renewal, recall, refresh).
        refresh: age at which budget definitions are read again.
        idle_after: an unused lease goes back after so long.
        patience: how long a request waits for other processes to return idle
            money before it is refused.
        recall_for: how long the holders return all idle money after one of them
            has asked for it.
        share: a lease is one ``share``-th of what is left.
        answer_within: a database that takes longer to lease counts as away.
        retry_after: a database that was away is not asked again for a request for so long.
    """

    lease_ttl: timedelta = timedelta(minutes=3)
    reclaim_after: timedelta = timedelta(minutes=4)
    heartbeat: timedelta = timedelta(seconds=1)
    refresh: timedelta = timedelta(seconds=5)
    idle_after: timedelta = timedelta(seconds=30)
    patience: timedelta = timedelta(seconds=2)
    recall_for: timedelta = timedelta(seconds=5)
    share: int = 8
    answer_within: timedelta = timedelta(seconds=5)
    retry_after: timedelta = timedelta(seconds=1)
