"""A worker of two processes: it serves; one is killed, and nothing of its work is lost."""

import asyncio
import json
import os
import signal
import socket
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from inference.engine.loading import EngineOptions
from inference.parallel import Layout, LeadingModel
from inference.parallel.placement import read_loads
from inference.server.app import WorkerApp
from inference.server.serve import ServeOptions, load_worker
from inference.server.worker import Worker

BODY: dict[str, Any] = {
    "model": "v4",
    "messages": [{"role": "user", "content": "Why?"}],
    "temperature": 0,
    "max_tokens": 400,
    "ignore_eos": True,
    "stream": True,
}


async def test_killing_a_process_loses_no_accounting(scripted_v4: Path, tmp_path: Path) -> None:
    engine = EngineOptions(
        dtype="float32",
        kernels="reference",
        layout=Layout(expert=2),
        expert_loads=tmp_path / "loads.json",
    )
    worker = await asyncio.to_thread(
        load_worker, ServeOptions(scripted_v4, name="v4", allow_unsigned=True, engine=engine)
    )
    server = uvicorn.Server(uvicorn.Config(WorkerApp(worker), log_level="error"))
    listener = socket.create_server(("127.0.0.1", 0))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            await _check_it_serves(client)
            await _check_the_lost(client, worker)
    finally:
        server.should_exit = True
        await running
        worker.engine.close()
    assert read_loads(tmp_path / "loads.json") == {}, "a worker that failed keeps no record"


async def _check_it_serves(client: httpx.AsyncClient) -> None:
    body = {**BODY, "stream": False, "max_tokens": 5}
    answer = (await client.post("/v1/chat/completions", json=body)).json()
    assert answer["usage"]["completion_tokens"] == 5


async def _check_the_lost(client: httpx.AsyncClient, worker: Worker) -> None:
    """Two streams run when the other process is killed; a third request comes afterwards."""
    before = worker.engine.stats.busy_ns
    model = worker.engine._runner.model
    assert isinstance(model, LeadingModel)
    assert model._processes is not None
    started = asyncio.Event()
    streams = [asyncio.create_task(_stream(client, started)) for _ in range(2)]
    await started.wait()
    os.kill(model._processes.pids[0], signal.SIGKILL)
    spent = Decimal(0)
    for last in await asyncio.gather(*streams):
        assert last["error"]["code"] == "engine_failed"
        assert 1 <= last["usage"]["completion_tokens"] < 400
        spent += Decimal(last["usage"]["worker_seconds"])
    assert spent * 10**9 == worker.engine.stats.busy_ns - before > 0
    assert worker.engine.blocks.num_free == worker.engine.blocks.num_blocks
    assert (await client.get("/ready")).status_code == 503
    later = await client.post("/v1/chat/completions", json={**BODY, "stream": False})
    assert (later.status_code, later.json()["error"]["code"]) == (500, "engine_failed")


async def _stream(client: httpx.AsyncClient, started: asyncio.Event) -> dict[str, Any]:
    """The last event before the end."""
    events: list[str] = []
    async with client.stream("POST", "/v1/chat/completions", json=BODY) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                events.append(line[6:])
                if len(events) > 2:
                    started.set()
    assert events[-1] == "[DONE]"
    return json.loads(events[-2])
