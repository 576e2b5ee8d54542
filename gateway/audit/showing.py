"""One record in words, for a terminal."""

from collections.abc import Iterator
from typing import Any

STAGES = ("admit", "inspect_input", "route", "journal", "upstream", "inspect_output")
_WIDTH = 40
_FACTS = (
    "kind", "request_id", "outcome", "action", "status", "error_code", "finish_reason",
    "started_at", "surface", "stream", "upstream", "zone", "model", "cost", "currency",
    "price_version", "trace_id", "key_id", "project", "user", "policy",
)  # fmt: skip


def describe(found: dict[str, Any]) -> Iterator[str]:
    """Lines about ``{tenant, record, ledger}``."""
    record = found["record"]
    yield f"tenant         {found['tenant']}"
    for name in _FACTS:
        if record.get(name) not in (None, ""):
            yield f"{name:<14} {record[name]}"
    for name in ("route", "cache", "tokens", "masked"):
        if record.get(name):
            facts = [f"{key}={value}" for key, value in record[name].items() if value]
            yield f"{name:<14} {', '.join(facts)}"
    for detector in record.get("detectors") or ():
        said = " ".join(filter(None, (detector["verdict"], detector.get("category"))))
        where = f"{detector['name']} {detector['direction']}"
        yield f"guard          {where}: {said}, {detector['action']}"
    yield from _timeline(record.get("latency") or {})
    for entry in found["ledger"]:
        moved = f"{entry['debit']} <- {entry['credit']}"
        yield f"ledger         {entry['kind']} {entry['amount']} {entry['currency']} {moved}"
    yield f"hash           {record['hash']}"


def _timeline(latency: dict[str, int]) -> Iterator[str]:
    total = latency.get("total_us") or 0
    if not total:
        return
    yield f"time           {total / 1000:.1f} ms"
    at = 0
    for stage in STAGES:
        duration = latency.get(f"{stage}_us") or 0
        begin, length = at * _WIDTH // total, max(1, duration * _WIDTH // total)
        bar = (" " * begin + "=" * length)[:_WIDTH]
        yield f"  {stage:<14} |{bar:<{_WIDTH}}| {duration / 1000:.1f} ms"
        at += duration
