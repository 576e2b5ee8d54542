"""How long an upstream may take, and what it is called when it takes longer."""

from dataclasses import dataclass

from gateway.errors import UpstreamFirstTokenTimeout, UpstreamTimeout, UpstreamTotalTimeout


@dataclass(slots=True)
class Deadlines:
    """Of one request, on the monotonic clock.

    Connecting and the silence between tokens are the client's to watch: ``connect_timeout_s``,
    ``read_timeout_s``.

    Args:
        total_by: the last byte.
        first_by: the first event of a stream, counted from the attempt that answers.
    """

    upstream: str
    total_by: float
    first_by: float | None = None

    def next(self) -> float:
        """The nearest one while no event has come."""
        return self.total_by if self.first_by is None else min(self.first_by, self.total_by)

    def passed(self, *, begun: bool) -> UpstreamTimeout:
        """The error of the one that has passed."""
        if not begun and self.first_by is not None and self.first_by <= self.total_by:
            return UpstreamFirstTokenTimeout(
                f"Upstream {self.upstream} did not begin to answer in time; try again later.",
                upstream=self.upstream,
            )
        return UpstreamTotalTimeout(
            f"Upstream {self.upstream} did not finish in time; ask for a shorter answer.",
            upstream=self.upstream,
        )
