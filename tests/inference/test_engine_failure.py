"""An engine whose step raises: requests end with an error that tells their work."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from inference.engine.loading import EngineOptions
from inference.server.app import WorkerApp
from inference.server.serve import ServeOptions, load_worker
from inference.server.worker import Worker

PROMPT = {"model": "v4", "messages": [{"role": "user", "content": "Why?"}], "temperature": 0}


@pytest.fixture
async def served(scripted_v4: Path) -> AsyncIterator[tuple[Worker, httpx.AsyncClient]]:
    options = EngineOptions(dtype="float32", kernels="reference")
    worker = load_worker(ServeOptions(scripted_v4, name="v4", allow_unsigned=True, engine=options))
    server = uvicorn.Server(uvicorn.Config(WorkerApp(worker), log_level="error"))
    listener = socket.create_server(("127.0.0.1", 0))  # clients wait in its queue
    running = asyncio.create_task(server.serve(sockets=[listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        yield worker, client
    server.should_exit = True
    await running


def fail_once(worker: Worker, requests: int, tokens: int) -> None:
    """The engine fails once so many requests have so many tokens each, its step computed."""
    compute = worker.engine._runner.run

    def run(chunks: Any) -> Any:
        computed = compute(chunks)
        running = worker.engine.scheduler.running
        if sum(len(sequence.output_ids) >= tokens for sequence in running) >= requests:
            raise RuntimeError("the device is gone")
        return computed

    worker.engine._runner.run = run  # pyright: ignore[reportAttributeAccessIssue]


async def test_every_request_that_ran_is_accounted_for(
    served: tuple[Worker, httpx.AsyncClient],
) -> None:
    worker, client = served
    fail_once(worker, requests=3, tokens=1)
    long = PROMPT | {"ignore_eos": True, "max_tokens": 500}  # none ends before the last one begins
    answers = await asyncio.gather(
        *(client.post("/v1/chat/completions", json=long) for _ in range(3))
    )

    spent = Decimal(0)
    for answer in answers:
        body = answer.json()
        assert (answer.status_code, body["error"]["code"]) == (500, "engine_failed")
        assert body["usage"]["completion_tokens"] >= 1
        spent += Decimal(body["usage"]["worker_seconds"])
    assert spent * 10**9 == worker.engine.stats.busy_ns > 0
    assert not worker.engine.has_work
    assert worker.engine.blocks.num_free == worker.engine.blocks.num_blocks
    metrics = (await client.get("/metrics")).text
    counted = 'vllm:request_success_total{finished_reason="error",model_name="v4"} 3.0'
    assert counted in metrics
    assert (await client.get("/ready")).status_code == 503


async def test_a_stream_ends_with_the_error_and_its_work(
    served: tuple[Worker, httpx.AsyncClient],
) -> None:
    worker, client = served
    fail_once(worker, requests=1, tokens=2)
    answer = await client.post("/v1/chat/completions", json={**PROMPT, "stream": True})

    events = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    last = json.loads(events[-2])
    assert last["error"]["code"] == "engine_failed"
    assert last["usage"]["completion_tokens"] >= 2
    assert Decimal(last["usage"]["worker_seconds"]) * 10**9 == worker.engine.stats.busy_ns
