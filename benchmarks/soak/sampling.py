"""What a gateway holds, seen from outside: memory, files, threads, and its own gauges."""

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
import psutil

_GAUGE = re.compile(r"^(sovgate_\w+) ([0-9.e+]+)$", re.MULTILINE)
_MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. Memory in MiB, ``cpu_s`` since the process began, latencies in ms of plain
    answers since the last look (0 where there was none)."""

    minute: float
    rss: float
    uss: float
    pss: float
    children_rss: float
    files: int
    threads: int
    tasks: int
    running: int
    backlog_bytes: int
    cpu_s: float
    requests: int
    p50_ms: float
    p99_ms: float


async def take(
    process: psutil.Process,
    session: aiohttp.ClientSession,
    url: str,
    minute: float,
    latencies_ms: Sequence[float],
    requests: int,
) -> Sample:
    """Look at a gateway and its ``/metrics``."""
    async with session.get(f"{url}/metrics") as answer:
        gauges = {name: float(value) for name, value in _GAUGE.findall(await answer.text())}
    memory, times = process.memory_full_info(), process.cpu_times()
    children = process.children(recursive=True)
    return Sample(
        minute=round(minute, 3),
        rss=round(memory.rss / _MEBIBYTE, 2),
        uss=round(memory.uss / _MEBIBYTE, 2),
        pss=round(memory.pss / _MEBIBYTE, 2),
        children_rss=round(sum(c.memory_info().rss for c in children) / _MEBIBYTE, 2),
        files=process.num_fds(),
        threads=process.num_threads(),
        tasks=int(gauges.get("sovgate_tasks", 0)),
        running=int(gauges.get("sovgate_requests_running", 0)),
        backlog_bytes=int(gauges.get("sovgate_journal_backlog_bytes", 0)),
        cpu_s=round(times.user + times.system, 2),
        requests=requests,
        p50_ms=round(_quantile(latencies_ms, 50), 2),
        p99_ms=round(_quantile(latencies_ms, 99), 2),
    )


def _quantile(values: Sequence[float], percent: int) -> float:
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100)[percent - 1]
