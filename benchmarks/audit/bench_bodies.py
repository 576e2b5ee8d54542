"""What storing bodies adds to a request: CPU time of gathering, packing and sealing.

    python -m benchmarks.audit.bench_bodies

Without a database: the tenant's keys are known, as they are from the second request on.
"""

import time
from datetime import UTC, datetime, timedelta

from core.clock import SystemClock
from core.database import Database
from gateway.archive.capture import AnswerCapture, pack, prompt_content
from gateway.archive.sealer import BodySealer
from gateway.vault.keys import MasterKeys, TenantKeys, new_key

REQUESTS = 1000
MOST = 64 * 1024
EVENTS = 100


def main() -> None:
    print("| prompt and answer, each | prompt | answer of 100 events | journal |")
    print("|---|---|---|---|")
    for size in (2_000, 20_000, 60_000):
        prompt_ms, prompt_bytes = _prompt(size)
        answer_ms, answer_bytes = _answer(size)
        kib = (prompt_bytes + answer_bytes) / 1024
        print(f"| {size:,} characters | {prompt_ms:.3f} ms | {answer_ms:.3f} ms | {kib:.0f} KiB |")


def _sealer() -> BodySealer:
    database = Database("sqlite+aiosqlite:///:memory:")
    sealer = BodySealer(database, SystemClock(), MasterKeys([new_key()], None))
    sealer.changed(TenantKeys.new("acme"), set())
    return sealer


def _seal(sealer: BodySealer, content: dict[str, object], part: str) -> int:
    packed, _ = pack(content, MOST)
    expires = datetime.now(UTC) + timedelta(days=30)
    body = sealer.seal("acme", "req_1", part, packed, owner="eu_1", expires=expires)
    return len(body.digest) + len(body.to_json()["sealed"])


def _prompt(size: int) -> tuple[float, int]:
    sealer = _sealer()
    body = {"messages": [{"role": "user", "content": "word " * (size // 5)}]}
    start, written = time.process_time(), 0
    for _ in range(REQUESTS):
        written = _seal(sealer, prompt_content(body, "model"), "prompt")
    return (time.process_time() - start) / REQUESTS * 1000, written


def _answer(size: int) -> tuple[float, int]:
    sealer = _sealer()
    event = [{"index": 0, "delta": {"content": "x" * (size // EVENTS)}}]
    start, written = time.process_time(), 0
    for _ in range(REQUESTS):
        capture = AnswerCapture(MOST)
        for _ in range(EVENTS):
            capture.take(event)
        written = _seal(sealer, capture.content(), "answer")
    return (time.process_time() - start) / REQUESTS * 1000, written


if __name__ == "__main__":
    main()
