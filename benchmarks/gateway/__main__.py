"""``make bench``: what a gateway costs, beside other gateways and bare proxies.

All systems run at the same time on this machine, in front of the same upstream; rounds are
interleaved, and what is printed are medians of rounds. The client and the upstream take part of
the same processors, so compare rows of one run, not runs of different machines.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.gateway.measure import SCENARIOS, Row, Scenario, measure
from benchmarks.gateway.systems import (
    EVENTS,
    PAUSE_MS,
    SYSTEMS,
    System,
    available,
    compile_native,
    running,
)

_HEAD = ("req/s", "p50 ms", "p99 ms", "first p50", "first p99", "gap p99", "CPU ms")


def main() -> None:
    options, start = _options(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sovgate-bench-") as name:
        directory = Path(name)
        compile_native(directory)
        names = options.systems or available(options.peers)
        _progress(f"starting {', '.join(names)}")
        with running(directory, options.peers, names) as systems:
            idle = {system.name: system.rss_mb() for system in systems}
            client = directory / "client"
            rows = measure(
                client, systems, options.scenarios, options.rounds, options.seconds, _progress
            )
            memory = {system.name: system.rss_mb() for system in systems}
            _print(rows, options.scenarios)
            _print_processes(systems, idle, memory)
    print(f"{time.monotonic() - start:.0f} s in all")
    if options.json:
        report = {"rows": [row.as_json() for row in rows], "rss_mb": memory}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--peers", type=Path, default=Path(".venv-peers"))
    parser.add_argument(
        "--systems", type=_systems, help=f"some of {', '.join(SYSTEMS)}; all that are installed"
    )
    parser.add_argument(
        "--scenarios",
        type=lambda text: [Scenario.parse(each) for each in text.split(",")],
        default=SCENARIOS,
        help="such as plain:32,paced:128 (plain, burst, paced)",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


def _systems(text: str) -> list[str]:
    names = text.split(",")
    if not set(names) <= set(SYSTEMS):
        raise ValueError(f"the systems are {', '.join(SYSTEMS)}")
    return names


def _progress(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr)


def _print(rows: Sequence[Row], scenarios: Sequence[Scenario]) -> None:
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; unique"
    )
    print(f"prompts of about 60 words, streams of {EVENTS} events, {PAUSE_MS} ms apart if paced\n")
    for scenario in scenarios:
        print(f"{scenario.name:26}" + "".join(f"{name:>11}" for name in _HEAD))
        for row in (row for row in rows if row.scenario == scenario.name):
            figures = (row.whole_p50, row.whole_p99, row.first_p50, row.first_p99, row.gap_p99)
            print(
                f"  {row.system:24}{row.per_second:11.0f}"
                + "".join(f"{figure:11.2f}" for figure in figures)
                + f"{row.cpu_ms:11.3f}"
                + (f"  {row.errors} errors" if row.errors else "")
            )
        print()


def _print_processes(
    systems: Sequence[System], idle: Mapping[str, float], after: Mapping[str, float]
) -> None:
    print(f"{'':26}{'ready s':>11}{'idle MB':>11}{'after MB':>11}")
    for system in systems:
        name = system.name
        print(f"  {name:24}{system.ready_s:11.1f}{idle[name]:11.0f}{after[name]:11.0f}")


if __name__ == "__main__":
    main()
