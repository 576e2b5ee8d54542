"""From samples to a verdict: does what a gateway holds grow?"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.soak.sampling import Sample

LIMIT_PERCENT = 5.0
# Shares of the run: an hour's minutes 10 to 15, and its last five.
_BEGIN, _BASE_END, _LAST = 1 / 6, 1 / 4, 11 / 12


@dataclass(frozen=True, slots=True)
class Growth:
    """Medians of a quantity early and late in a run, and its trend in between."""

    name: str
    early: float
    late: float
    per_hour: float

    @property
    def percent(self) -> float:
        return 0.0 if self.early == 0 else (self.late / self.early - 1) * 100


def growth(samples: Sequence[Sample], name: str, value: Callable[[Sample], float]) -> Growth:
    """Compare the median from 1/6 to 1/4 of the run with that of its last twelfth.

    Raises:
        ValueError: too few samples for either.
    """
    whole = samples[-1].minute
    early = [value(s) for s in samples if _BEGIN * whole <= s.minute <= _BASE_END * whole]
    late = [value(s) for s in samples if s.minute >= _LAST * whole]
    warm = [s for s in samples if s.minute >= _BEGIN * whole]
    if len(early) < 3 or len(late) < 3:
        raise ValueError("the run is too short for its pauses between samples")
    line = statistics.linear_regression([s.minute for s in warm], [value(s) for s in warm])
    return Growth(name, statistics.median(early), statistics.median(late), line.slope * 60)


def all_growth(samples: Sequence[Sample]) -> list[Growth]:
    """Of everything that must not grow; the first is resident memory, which decides."""
    return [
        growth(samples, "resident memory, MiB", lambda s: s.rss),
        growth(samples, "of its own (USS), MiB", lambda s: s.uss),
        growth(samples, "proportional (PSS), MiB", lambda s: s.pss),
        growth(samples, "guard process, MiB", lambda s: s.children_rss),
        growth(samples, "open files", lambda s: s.files),
        growth(samples, "threads", lambda s: s.threads),
        growth(samples, "tasks", lambda s: s.tasks),
        growth(samples, "journal backlog, bytes", lambda s: s.backlog_bytes),
        growth(samples, "p50 ms of plain answers", lambda s: s.p50_ms),
        growth(samples, "p99 ms of plain answers", lambda s: s.p99_ms),
    ]


def table(rows: Sequence[Growth]) -> str:
    """Rows of text."""
    head = f"{'':26}{'early':>10}{'late':>10}{'growth':>10}{'an hour':>10}"
    lines = [
        f"{row.name:26}{row.early:10.2f}{row.late:10.2f}{row.percent:9.2f}%{row.per_hour:+10.2f}"
        for row in rows
    ]
    return "\n".join([head, *lines])
