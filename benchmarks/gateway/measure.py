"""Interleaved rounds over systems and scenarios, and the medians of them."""

import json
import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.gateway.systems import System

_WORDS = {"plain": "plain", "burst": "streamed at once", "paced": "streamed, paced"}
_WARM_UP_S = 0.7


@dataclass(frozen=True)
class Scenario:
    """How requests are sent: ``mode`` is plain, burst or paced."""

    mode: str
    concurrency: int

    @property
    def name(self) -> str:
        return f"{_WORDS[self.mode]}, c={self.concurrency}"

    @classmethod
    def parse(cls, text: str) -> "Scenario":
        """Of ``MODE:CONNECTIONS``. Raises: ValueError."""
        mode, _, concurrency = text.partition(":")
        if mode not in _WORDS or not concurrency.isdigit():
            raise ValueError(f"a scenario is MODE:CONNECTIONS with a mode of {', '.join(_WORDS)}")
        return cls(mode, int(concurrency))


SCENARIOS = tuple(Scenario(mode, count) for mode in _WORDS for count in (1, 32, 128))


@dataclass(frozen=True)
class Row:
    """Medians over the rounds, in milliseconds; ``gap`` is between arrivals within a stream."""

    scenario: str
    system: str
    per_second: float
    whole_p50: float
    whole_p99: float
    first_p50: float
    first_p99: float
    gap_p99: float
    cpu_ms: float
    requests: int
    errors: int

    def as_json(self) -> dict[str, object]:
        return asdict(self)


class Failed(Exception):
    """A system answered nothing; holds what the client said."""


def measure(
    client: Path,
    systems: Sequence[System],
    scenarios: Sequence[Scenario],
    rounds: int,
    seconds: float,
    progress: Callable[[str], None],
) -> list[Row]:
    """Every scenario on every system, ``rounds`` times in turn after a warm-up.

    Raises:
        Failed: a system answered no request of a round.
    """
    rows: list[Row] = []
    for scenario in scenarios:
        taken: dict[str, list[dict[str, float]]] = {system.name: [] for system in systems}
        for number in range(rounds + 1):
            progress(f"{scenario.name}: round {number} of {rounds}" if number else scenario.name)
            for system in systems:
                result = _round(client, system, scenario, seconds if number else _WARM_UP_S)
                if number:
                    taken[system.name].append(result)
        rows += [_row(scenario, name, results) for name, results in taken.items()]
    return rows


def _round(client: Path, system: System, scenario: Scenario, seconds: float) -> dict[str, float]:
    before = system.cpu_seconds()
    command = [str(client), str(system.port), system.path, system.api_key]
    command += [str(scenario.concurrency), str(seconds), scenario.mode, system.model]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    spent = system.cpu_seconds() - before
    result = json.loads(done.stdout or "{}")
    if not result.get("requests"):
        raise Failed(f"{system.name}: {done.stderr[:600]}")
    result["per_second"] = result["requests"] / result["elapsed_s"]
    result["cpu_ms"] = spent * 1000 / result["requests"]
    return result


def _row(scenario: Scenario, system: str, results: list[dict[str, float]]) -> Row:
    names = ("per_second", "whole_p50", "whole_p99", "first_p50", "first_p99", "gap_p99", "cpu_ms")
    return Row(
        scenario.name,
        system,
        **{name: statistics.median(result[name] for result in results) for name in names},
        requests=int(sum(result["requests"] for result in results)),
        errors=int(sum(result["errors"] for result in results)),
    )
