"""What restoring and redacting add to an answer.

``python -m benchmarks.guardrails.bench_output [--requests N] [--json]`` prints, per policy, the
CPU time of a streamed answer of about 400 tokens in this process (microseconds an event, nothing
else running in the pipeline), how many characters wait at most, and, through gateways that run
side by side with a scripted upstream, the time to the first text at the client.
"""

import argparse
import json
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from conformance.deployment import KEY, gateway
from conformance.upstream import Said, ScriptedUpstream, last_text, scripted_upstream
from gateway.exchange import Exchange, Timing
from gateway.http.connection import Connection
from gateway.pipeline.answer import AnswerStream
from gateway.pipeline.answer_text import OutputGuard
from gateway.settings import PiiPolicy, PolicySettings
from gateway.surfaces import ChatSurface
from guardrails.pii import MaskScope, PiiEngine
from guardrails.pii.cache import FindingsCache
from guardrails.types import Span

POLICIES: dict[str, dict[str, Any]] = {
    "restore off": {"restore": False},
    "restore (the default)": {},
    "restore, flag": {"output": "flag"},
    "restore, redact": {"output": "redact"},
}
NAME = "Greta Vogel"
_SENTENCES = (
    "Thank you for asking, [PERSON_1], and for your patience with us so far. ",
    "The parcel with order {n} left our house on Monday and should come on Thursday. ",
    "If it does not, please write to service{n}@example.org or call 212-555-01{m:02}. ",
    "There is nothing else that you need to do, and nobody has to be at home. ",
)
_ANSWERS, _PAUSE_S = 10, 0.01


def answer(number: int) -> list[str]:
    """About 400 tokens of four characters, none like those of another number."""
    parts = [s.format(n=number * 40 + at, m=number % 100) for at in range(5) for s in _SENTENCES]
    text = "".join(parts)
    return [text[at : at + 4] for at in range(0, len(text), 4)]


async def _receive() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def _send(_message: Any) -> None:
    """Nobody listens."""


def exchange_under(pii: dict[str, Any]) -> Exchange:
    connection = Connection({"headers": []}, _receive, _send)
    exchange = Exchange("req_1", ChatSurface(), connection, datetime.now(UTC), Timing(0.0))
    exchange.scope = MaskScope([NAME])
    exchange.scope.mask_all([NAME], [[Span(0, len(NAME), "PERSON", 1.0, "bench@1")]])
    exchange.policy = PolicySettings(pii=PiiPolicy.model_validate(pii))
    return exchange


def in_process(engine: PiiEngine) -> dict[str, dict[str, float]]:
    """CPU microseconds an event and the longest wait, by policy; rounds take turns."""
    spent = dict.fromkeys(POLICIES, 0.0)
    most = dict.fromkeys(POLICIES, 0)
    events = 0
    for number in range(_ANSWERS):
        pieces = answer(number)
        feed = [
            msgspec.json.encode({"id": "c", "choices": [{"index": 0, "delta": {"content": piece}}]})
            for piece in pieces
        ]
        events += len(feed)
        for name, pii in POLICIES.items():
            exchange = exchange_under(pii)
            stream = AnswerStream(exchange, None, OutputGuard(exchange, engine))
            out: list[list[bytes]] = []
            started = time.process_time()
            for data in feed:
                out.append(stream.feed(data))
            out.append(stream.finish())
            spent[name] += time.process_time() - started
            most[name] = max(most[name], _longest_wait(pieces, out))
    return {
        name: {"us_per_event": round(1e6 * spent[name] / events, 1), "most_held": most[name]}
        for name in POLICIES
    }


def _longest_wait(pieces: list[str], out: list[list[bytes]]) -> int:
    """Most pieces that had come in without any text going out."""
    longest = waiting = 0
    for events in out:
        texts = [
            choice["delta"].get("content", "")
            for data in events
            for choice in msgspec.json.decode(data)["choices"]
        ]
        waiting = 0 if any(texts) else waiting + 1
        longest = max(longest, waiting)
    return longest


def first_text(requests: int) -> dict[str, dict[str, float]]:
    """Milliseconds to the first text, by policy: p50 and p90; requests take turns."""
    taken: dict[str, list[float]] = {name: [] for name in POLICIES}
    with ExitStack() as stack:
        upstream = stack.enter_context(scripted_upstream())
        upstream.script = _reply
        clients = {
            name: stack.enter_context(_client(stack, upstream, pii))
            for name, pii in POLICIES.items()
        }
        for number in range(requests + 5):
            for name, client in clients.items():
                milliseconds = _ask(client, number)
                if number >= 5:
                    taken[name].append(milliseconds)
    return {
        name: {
            "p50_ms": round(statistics.median(values), 2),
            "p90_ms": round(statistics.quantiles(values, n=10)[-1], 2),
        }
        for name, values in taken.items()
    }


def _reply(body: dict[str, Any]) -> Said:
    name = last_text(body).removeprefix("I am ").partition(",")[0]
    text = f"Thank you, {name}, for asking. The parcel should come on Thursday or so."
    return Said([text[at : at + 4] for at in range(0, len(text), 4)], pause_s=_PAUSE_S)


def _client(stack: ExitStack, upstream: ScriptedUpstream, pii: dict[str, Any]) -> httpx.Client:
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-output-")))
    url = stack.enter_context(gateway(directory, {"scripted": upstream.port}, pii))
    return httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}, timeout=30)


def _ask(client: httpx.Client, number: int) -> float:
    content = f"I am {NAME}, my order {number} of last week has not come; where is it?"
    body = {
        "model": "scripted",
        "stream": True,
        "messages": [{"role": "user", "content": content}],
    }
    started, first = time.perf_counter(), 0.0
    with client.stream("POST", "/chat/completions", json=body) as reply:
        for line in reply.iter_lines():
            if not first and line.startswith("data: {"):
                choices = json.loads(line[6:])["choices"]
                if any(choice["delta"].get("content") for choice in choices):
                    first = time.perf_counter()
    return 1000 * (first - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100, help="streams per policy")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    # Without a memory, or all policies but the first would find their answers in it.
    cost = in_process(PiiEngine.load(ner="none", cache=FindingsCache(max_spans=1)))
    times = first_text(options.requests) if options.requests else {}
    rows = {name: {**cost[name], **times.get(name, {})} for name in POLICIES}
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print("| policy | CPU us an event | longest wait, events | first text p50 / p90 ms |")
    print("|---|---|---|---|")
    for name, row in rows.items():
        shown = f"{row.get('p50_ms', '-')} / {row.get('p90_ms', '-')}"
        print(f"| {name} | {row['us_per_event']} | {row['most_held']} | {shown} |")


if __name__ == "__main__":
    main()
