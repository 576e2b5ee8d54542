"""Upstreams that fail in every way that a socket allows: docs/degradation.md."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from support.deployment import KEYS, Capture, gateway, settings
from support.faults import HANGS_S, HELLO, Site
from support.faulty_upstream import FAULTS
from support.processes import answers, free_port, paused, running

BROKEN = "upstream_error"
INVALID = "upstream_invalid_reply"
LATE = "upstream_first_token_timeout"
SILENT = "upstream_idle_timeout"
ENDLESS = "upstream_total_timeout"


class Fault(NamedTuple):
    """What a client gets: the status of a plain request; the code of both; whether a stream had
    begun, so that its error is the last event of a 200. ``stale`` are further calls, since a kept
    connection that ends without a word was no attempt."""

    model: str
    status: int
    code: str
    begun: bool = False
    calls: int = 1
    stale: int = 0


FAULTY = [
    Fault("garbage", 502, INVALID),
    Fault("broken-utf8", 502, INVALID),
    Fault("wrong-shape", 502, INVALID),
    Fault("html", 502, INVALID),
    Fault("error-as-success", 502, BROKEN),
    Fault("error-event", 502, BROKEN, begun=True),
    Fault("no-event", 502, INVALID),
    Fault("half", 502, BROKEN, begun=True),
    Fault("stall-before-head", 504, LATE),
    Fault("stall-within", 504, SILENT, begun=True),
    Fault("endless", 504, ENDLESS, begun=True),
    Fault("hang-up", 502, BROKEN, calls=2, stale=1),
    Fault("huge-header", 502, BROKEN, calls=2),
    Fault("no-http", 502, BROKEN, calls=2),
    Fault("500", 502, BROKEN, calls=2),
    Fault("500-halts", 502, BROKEN, calls=2),
    Fault("503", 502, BROKEN),  # its Retry-After is longer than the request may take
    Fault("302", 502, BROKEN),
    Fault("429", 429, "upstream_rate_limited"),
]

# Of an upstream with short time-outs; all others may take their time on a busy machine.
IMPATIENT = ["stall-before-head", "stall-within", "endless", "503", "ok-at-once"]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Capture, int]]:
    """The upstream, and the process that it is."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(
        [sys.executable, "-m", "support.faulty_upstream", str(port)],
        ready=answers(f"{url}/v1/models"),
        log=tmp_path_factory.mktemp("faulty") / "faulty.log",
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    ) as server:
        yield Capture(url), server.pid


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, faulty: tuple[Capture, int]) -> Iterator[Site]:
    capture, _ = faulty
    directory = tmp_path_factory.mktemp("gateway")
    content = settings(directory, capture.url)
    content["upstreams"][0] |= {
        "models": [fault for fault in FAULTS if fault not in IMPATIENT] + ["sov-flash", "sov-pro"],
        # Each fault is looked at by itself; tests/e2e/resilience is about many of them.
        "resilience": {"breaker_percent": None, "retry_percent": 100},
    }
    times = {"read_timeout_s": 0.7, "total_timeout_s": 2.0}
    impatient = {"name": "impatient", "models": IMPATIENT, **times}
    content["upstreams"].append(content["upstreams"][0] | impatient)
    httpx.post(f"{capture.url}/roles", json={"ok-at-once": "ok"}).raise_for_status()
    content["prices"] += [
        {"model": model, "effective_from": "2026-01-01", "input": "0.15", "output": "0.60"}
        for model in (*FAULTS, "ok-at-once")
    ]
    with gateway(directory, content) as deployment:
        site = Site(deployment, capture)
        yield site
        site.check(proofs=True)


@pytest.mark.parametrize("fault", FAULTY, ids=lambda fault: fault.model)
def test_fault(site: Site, fault: Fault) -> None:
    before = len(site.capture.ids())
    plain, streamed = (site.ask(model=fault.model, stream=stream) for stream in (False, True))
    assert (plain.status, plain.code) == (fault.status, fault.code), plain.text
    assert streamed.is_stream == fault.begun
    assert streamed.status == (200 if fault.begun else fault.status)
    assert streamed.code == fault.code, streamed.text
    assert len(site.capture.ids()) - before == 2 * fault.calls + fault.stale
    books = site.check()
    for answer in (plain, streamed):
        record = books.records[answer.id]
        assert (record["outcome"], record["error_code"]) == ("error", fault.code)
        assert record["status"] == answer.status
        assert record["upstream"] == ("impatient" if fault.model in IMPATIENT else "capture")
    site.serves(model="ok")


# Every API that an upstream answers: path, body, and whether it streams too.
APIS: list[tuple[str, dict[str, Any], bool]] = [
    ("chat/completions", {"messages": HELLO}, True),
    ("completions", {"prompt": "Hello"}, True),
    ("responses", {"input": "Hello"}, True),
    ("messages", {"messages": HELLO, "max_tokens": 9}, True),
    ("embeddings", {"input": "Hello"}, False),
    ("images/generations", {"prompt": "A hat."}, True),
    ("audio/speech", {"input": "Hello", "voice": "alloy"}, False),
]


def asked(site: Site, path: str, **sent: Any) -> httpx.Response:
    answer = httpx.post(
        f"{site.deployment.base_url}/{path}",
        headers={"authorization": f"Bearer {KEYS['acme']}"},
        timeout=HANGS_S,
        **sent,
    )
    site.answered.append(answer.headers["x-sovgate-request-id"])
    return answer


@pytest.mark.parametrize("fault", ["200-told", "400-told", "429-told", "500-told"])
def test_what_an_error_says_was_done_is_billed(site: Site, fault: str) -> None:
    answers = [
        asked(site, path, json={"model": fault, **body, "stream": stream})
        for path, body, streams in APIS
        for stream in {False, streams}
    ]
    files = {"file": ("a.mp3", b"sound", "audio/mpeg")}
    answers.append(asked(site, "audio/transcriptions", data={"model": fault}, files=files))
    status = {"200": 502, "500": 502}.get(fault[:3], int(fault[:3]))
    assert {answer.status_code for answer in answers} == {status}
    books = site.check()
    for answer in answers:
        id_ = answer.headers["x-sovgate-request-id"]
        record = books.records[id_]
        assert record["outcome"] == "error"
        is_embedding = record["surface"] == "embeddings"
        assert record["tokens"]["estimated"] is False, record["surface"]
        counts = (record["tokens"]["input"], record["tokens"]["output"])
        assert is_embedding or counts == (5, 2), record["surface"]
        done = 5 * Decimal("0.15") + (0 if is_embedding else 2 * Decimal("0.60"))
        assert books.cost(id_) == done / 1_000_000, record["surface"]


def test_what_an_error_event_says_was_done_is_billed(site: Site) -> None:
    chat = site.ask(model="told-within", stream=True)
    assert (chat.status, chat.code) == (200, BROKEN)
    books = site.check()
    assert books.records[chat.id]["tokens"]["estimated"] is False
    assert books.cost(chat.id) == (5 * Decimal("0.15") + 2 * Decimal("0.60")) / 1_000_000


def test_half_an_answer_that_ends_properly(site: Site) -> None:
    plain, streamed = (site.ask(model="half-ended-properly", stream=s) for s in (False, True))
    assert (plain.status, plain.code) == (502, INVALID)
    assert (streamed.status, streamed.code) == (200, BROKEN)
    site.serves(model="ok")


def test_the_wrong_kind_of_answer(site: Site) -> None:
    streamed = site.ask(model="json-for-a-stream", stream=True)
    assert (streamed.status, streamed.code) == (502, INVALID)
    plain = site.ask(model="stream-for-a-plain-request")
    assert (plain.status, plain.code) == (502, INVALID)
    site.serves(model="ok")


def test_retry_after_of_the_upstream(site: Site) -> None:
    assert site.ask(model="429").retry_after == "7"
    assert site.ask(model="429-date").retry_after == "Fri, 31 Dec 2027 23:59:59 GMT"
    assert site.ask(model="429-nonsense").retry_after is None


def test_slow_but_proper(site: Site) -> None:
    site.serves(model="drip")
    for _ in range(3):
        site.serves(model="close-after-answer")


def test_paused(site: Site, faulty: tuple[Capture, int]) -> None:
    with paused(faulty[1]):
        site.refuses(504, LATE, model="ok-at-once")
    site.serves(model="ok")
