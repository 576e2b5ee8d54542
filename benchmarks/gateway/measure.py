"""Interleaved rounds over systems and scenarios, and the medians of them."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from benchmarks.gateway.client import Sample, load
from benchmarks.gateway.systems import System


@dataclass(frozen=True)
class Scenario:
    """How requests are sent."""

    name: str
    stream: bool
    concurrency: int


SCENARIOS = (
    Scenario("plain, 1 at a time", stream=False, concurrency=1),
    Scenario("plain, 32 at a time", stream=False, concurrency=32),
    Scenario("streamed, 1 at a time", stream=True, concurrency=1),
    Scenario("streamed, 32 at a time", stream=True, concurrency=32),
)


@dataclass(frozen=True)
class Row:
    """Medians over the rounds; ``added_ms`` is against the upstream asked directly."""

    scenario: str
    system: str
    p50_ms: float
    p99_ms: float
    first_ms: float
    added_ms: float
    per_second: float
    cpu_ms: float
    requests: int

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class _Round:
    p50_ms: float
    p99_ms: float
    first_ms: float
    per_second: float
    cpu_ms: float
    requests: int


async def measure(
    systems: Sequence[System], rounds: int, seconds: float, progress: Callable[[str], None]
) -> list[Row]:
    """Every scenario on every system, ``rounds`` times in turn after a warm-up."""
    rows: list[Row] = []
    for scenario in SCENARIOS:
        taken: dict[str, list[_Round]] = {system.name: [] for system in systems}
        for number in range(rounds + 1):
            progress(f"{scenario.name}: round {number} of {rounds}" if number else scenario.name)
            for system in systems:
                result = await _round(system, scenario, seconds if number else seconds / 3)
                if number:
                    taken[system.name].append(result)
        rows += _rows(scenario, taken, direct=systems[0].name)
    return rows


async def _round(system: System, scenario: Scenario, seconds: float) -> _Round:
    before = system.cpu_seconds()
    sample = await load(
        system.port,
        system.path,
        system.api_key,
        stream=scenario.stream,
        concurrency=scenario.concurrency,
        seconds=seconds,
    )
    spent = system.cpu_seconds() - before
    return _summarise(sample, spent)


def _summarise(sample: Sample, cpu_seconds: float) -> _Round:
    ordered = sorted(sample.whole_ms)
    count = len(ordered)
    return _Round(
        p50_ms=statistics.median(ordered),
        p99_ms=ordered[min(count - 1, int(count * 0.99))],
        first_ms=statistics.median(sample.first_ms),
        per_second=count / sample.elapsed_s,
        cpu_ms=cpu_seconds * 1000 / count,
        requests=count,
    )


def _rows(scenario: Scenario, taken: dict[str, list[_Round]], direct: str) -> list[Row]:
    def middle(name: str, field: str) -> float:
        return statistics.median(getattr(result, field) for result in taken[name])

    return [
        Row(
            scenario=scenario.name,
            system=name,
            p50_ms=middle(name, "p50_ms"),
            p99_ms=middle(name, "p99_ms"),
            first_ms=middle(name, "first_ms"),
            added_ms=middle(name, "p50_ms") - middle(direct, "p50_ms"),
            per_second=middle(name, "per_second"),
            cpu_ms=middle(name, "cpu_ms"),
            requests=sum(result.requests for result in results),
        )
        for name, results in taken.items()
    ]
