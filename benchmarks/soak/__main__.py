"""``make soak``: does a gateway grow under an hour of mixed traffic?

    python -m benchmarks.soak [--minutes 60] [--rate 5] [--database postgresql|sqlite]

One real gateway process with its database, a Valkey and an upstream that answers in many
ways. Requests come at random moments: plain, streamed, in conversations, with tools, blocked,
failing, cut, malformed, without money, and from clients that hang up; every text occurs once.
Every ten seconds the gateway is looked at from outside. It passes if the median of its
resident memory in the last five minutes is less than 5% above that of minutes 10 to 15, and
if afterwards the requests that the upstream saw are the records and the settlements.
"""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import aiohttp

_TESTS = Path(__file__).resolve().parents[2] / "tests"
if str(_TESTS) not in sys.path:
    sys.path.append(str(_TESTS))

from benchmarks.soak.growth import LIMIT_PERCENT, all_growth, table  # noqa: E402
from benchmarks.soak.load import Load  # noqa: E402
from benchmarks.soak.sampling import Sample, take  # noqa: E402
from benchmarks.soak.site import Soaked, dump, soaked  # noqa: E402
from support.books import assert_books  # noqa: E402
from support.site import site_at  # noqa: E402


def main() -> None:
    options = _options()
    with (
        tempfile.TemporaryDirectory(prefix="sovgate-soak-") as directory,
        soaked(Path(directory), options.database) as site,
    ):
        samples, load = asyncio.run(_soak(site, options))
        passed = _print(samples, load, options)
        books = assert_books(site.deployment, site.capture)
    print(f"{len(books.called)} requests called, recorded and settled once each; chains verify")
    sys.exit(0 if passed else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=5.0, help="requests a second")
    parser.add_argument("--pause", type=float, default=10.0, help="seconds between looks")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--json", type=Path, help="also write the samples to this file")
    return parser.parse_args()


async def _soak(site: Soaked, options: argparse.Namespace) -> tuple[list[Sample], Load]:
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        deployment = site.deployment
        load = Load(session, site_at(deployment.base_url), deployment.url, options.rate)
        sending = asyncio.create_task(load.run())
        samples: list[Sample] = []
        start = time.monotonic()
        while (minute := (time.monotonic() - start) / 60) < options.minutes:
            await asyncio.wait({sending}, timeout=options.pause)
            if sending.done():
                break
            sample = await take(
                site.process, session, deployment.url, minute, load.take_latencies(), load.requests
            )
            samples.append(sample)
            _progress(sample)
            if options.json:
                dump(options.json, {"samples": [asdict(item) for item in samples]})
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        return samples, load


def _progress(sample: Sample) -> None:
    print(
        f"{sample.minute:6.1f} min  {sample.rss:7.1f} MiB  {sample.files:4} files"
        f"  {sample.tasks:4} tasks  {sample.requests:7} requests  {sample.cpu_s:7.1f} s CPU"
        f"  p50 {sample.p50_ms:.1f} ms",
        file=sys.stderr,
        flush=True,
    )


def _print(samples: list[Sample], load: Load, options: argparse.Namespace) -> bool:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()},")
    print(f"{options.database}, {samples[-1].minute:.0f} minutes, {load.requests} requests,")
    print(f"{samples[-1].cpu_s:.0f} s of CPU\n")
    for (kind, status), count in sorted(load.outcomes.items()):
        print(f"  {kind:16}{status or 'no answer':>10}{count:9}")
    rows = all_growth(samples)
    print(f"\n{table(rows)}\n")
    passed = rows[0].percent < LIMIT_PERCENT
    print(f"{'PASSED' if passed else 'FAILED'}: memory grew by {rows[0].percent:.2f}%")
    return passed


if __name__ == "__main__":
    main()
