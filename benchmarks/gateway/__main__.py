"""``make bench``: added latency and CPU per request of the gateway and of two others.

All systems run at the same time on this machine, one process each, in front of the
same upstream; rounds are interleaved, and what is printed are medians of rounds. The
client and the upstream take part of the same processors, so compare rows of one run,
not runs of different machines.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from benchmarks.gateway.measure import SCENARIOS, Row, measure
from benchmarks.gateway.systems import System, systems
from benchmarks.gateway.upstream import EVENTS, PAUSE_S


def main() -> None:
    options = _options()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sovgate-bench-") as directory:
        print("bench: starting the systems", file=sys.stderr)
        with systems(Path(directory), options.litellm_python) as running:
            rows = uvloop.run(measure(running, options.rounds, options.seconds, _progress))
            memory = {system.name: system.rss_mb() for system in running}
            _print(rows, running, memory)
    print(f"{time.monotonic() - start:.0f} s in all")
    if options.json:
        report = {"rows": [row.as_json() for row in rows], "rss_mb": memory}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--litellm-python", type=Path, help="python of LiteLLM's environment")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


def _progress(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr)


def _print(rows: list[Row], running: list[System], memory: dict[str, float]) -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()};")
    print(f"prompts of about 60 words, streams of {EVENTS} events {PAUSE_S * 1000:.0f} ms apart\n")
    for scenario in SCENARIOS:
        chosen = [row for row in rows if row.scenario == scenario.name]
        _print_table(scenario.name, chosen)
    sizes = ", ".join(f"{system.name} {memory[system.name]:.0f} MB" for system in running)
    print(f"Resident memory: {sizes}")


def _print_table(title: str, rows: list[Row]) -> None:
    head = ("p50 ms", "p99 ms", "first ms", "added ms", "req/s", "CPU ms", "CPU ratio")
    print(f"{title:24}" + "".join(f"{name:>11}" for name in head))
    floor = next((row.cpu_ms for row in rows if row.system == "bare proxy"), 0.0)
    for row in rows:
        ratio = f"{row.cpu_ms / floor:10.1f}x" if floor else f"{'-':>11}"
        print(
            f"  {row.system:22}{row.p50_ms:11.2f}{row.p99_ms:11.2f}{row.first_ms:11.2f}"
            f"{row.added_ms:11.2f}{row.per_second:11.0f}{row.cpu_ms:11.3f}{ratio}"
        )
    print()


if __name__ == "__main__":
    main()
