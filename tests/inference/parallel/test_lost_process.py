"""A worker of two processes loses one: nothing of its work is lost, and it says so at once."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from parallel_ranks import Ranks, leading

from inference.encoding.formats import load_format
from inference.engine.block_manager import BlockManager
from inference.engine.engine import Engine
from inference.engine.model_runner import ModelRunner
from inference.engine.scheduler import SchedulerLimits
from inference.parallel import Layout, Plan
from inference.sampling_params import SamplingDefaults
from inference.server.app import WorkerApp
from inference.server.worker import ServedModel, Worker
from inference.tokenizer import Tokenizer

BODY: dict[str, Any] = {
    "model": "v4",
    "messages": [{"role": "user", "content": "Why?"}],
    "temperature": 0,
    "max_tokens": 400,
    "ignore_eos": True,
    "stream": True,
}
CHAT = "/v1/chat/completions"


@asynccontextmanager
async def serving_shared(directory: Path, ranks: Ranks) -> AsyncIterator[tuple[Worker, str]]:
    """The next model of ``ranks`` behind a server of its own, and its base URL."""
    model = await asyncio.to_thread(next, ranks.models)
    runner = ModelRunner(model, 64, 16, 20)
    blocks = BlockManager(64, 16, num_states=16, num_snapshots=4)
    engine = Engine(runner, blocks, SchedulerLimits())
    tokenizer = Tokenizer.load(directory)
    worker = Worker(
        engine,
        tokenizer,
        load_format(directory, tokenizer, engine.config.kind, ""),
        {"v4": ServedModel("v4", engine.config.num_experts_per_tok)},
        SamplingDefaults(max_tokens=8),
        None,
    )
    server = uvicorn.Server(uvicorn.Config(WorkerApp(worker), log_level="error"))
    listener = socket.create_server(("127.0.0.1", 0))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield worker, f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def test_a_process_that_hangs_ends_what_runs(scripted_v4: Path) -> None:
    """It is stopped in the midst of two streams, which end with all that they used."""
    plan = Plan(scripted_v4, Layout(expert=2), timeout=timedelta(seconds=5))
    with leading([plan]) as ranks:
        async with (
            serving_shared(scripted_v4, ranks) as (worker, url),
            httpx.AsyncClient(base_url=url, timeout=60) as client,
        ):
            short = {**BODY, "stream": False, "max_tokens": 5}
            answer = (await client.post(CHAT, json=short)).json()
            assert answer["usage"]["completion_tokens"] == 5
            before = worker.engine.stats.busy_ns
            started = [asyncio.Event() for _ in range(2)]
            streams = [asyncio.create_task(_stream(client, each)) for each in started]
            async with asyncio.timeout(60):
                await asyncio.gather(*(each.wait() for each in started))
            os.kill(ranks.pids[0], signal.SIGSTOP)
            spent = Decimal(0)
            for last in await asyncio.gather(*streams):
                assert last["error"]["code"] == "engine_failed"
                assert 1 <= last["usage"]["completion_tokens"] < BODY["max_tokens"]
                spent += Decimal(last["usage"]["worker_seconds"])
            assert spent * 10**9 == worker.engine.stats.busy_ns - before > 0
            assert worker.engine.blocks.num_free == worker.engine.blocks.num_blocks
            assert (await client.get("/ready")).status_code == 503
            later = await client.post(CHAT, json=short)
            assert (later.status_code, later.json()["error"]["code"]) == (500, "engine_failed")


async def test_a_process_that_ends_while_nothing_runs_is_noticed(scripted_v4: Path) -> None:
    plan = Plan(scripted_v4, Layout(expert=2))
    with leading([plan]) as ranks:
        async with (
            serving_shared(scripted_v4, ranks) as (worker, url),
            httpx.AsyncClient(base_url=url, timeout=60) as client,
        ):
            assert (await client.get("/ready")).status_code == 200
            os.kill(ranks.pids[0], signal.SIGKILL)
            for _ in range(300):
                if (await client.get("/health")).status_code == 503:
                    break
                await asyncio.sleep(0.1)
            assert (await client.get("/health")).json()["status"] == "failed"
            assert worker.engine.stats.steps == 0, "no request had to fail for it"


async def _stream(client: httpx.AsyncClient, started: asyncio.Event) -> dict[str, Any]:
    """The last event before the end."""
    events: list[str] = []
    async with client.stream("POST", CHAT, json=BODY) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                events.append(line[6:])
                if len(events) > 2:
                    started.set()
    assert events[-1] == "[DONE]"
    return json.loads(events[-2])
