"""One server under measurement and its client, as a process that does what it reads from stdin.

    python -m benchmarks.engine.servers ours|llama.cpp WEIGHTS THREADS FORMAT

As `systems`, over HTTP: `sovgate worker serve`, or llama.cpp's server with a slot for each stream.
Requests are whole completions of token ids; all streams of a question are sent at once.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.engine.systems import MOST_STREAMS, llama_cpp_server, prompt, speeds

Told = dict[str, Any]
"""What only one of the servers is told in a request."""


@contextmanager
def worker(directory: Path, *options: str) -> Iterator[str]:
    """The URL of a worker process that serves the checkpoint as ``model``."""
    command = [sys.executable, "-m", "gateway.cli", "worker", "serve", "--model", str(directory)]
    command += ["--port", "0", "--name", "model", "--allow-unsigned", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


@contextmanager
def serving(system: str, weights: Path, threads: int, form: str) -> Iterator[tuple[str, Told]]:
    if system == "llama.cpp":
        server = llama_cpp_server(weights, threads)  # it ends when nobody holds it
        yield server.listening_address, {"cache_prompt": False}
        return
    options = ["--weights", form, "--threads", str(threads), "--no-prefix-cache"]
    with worker(weights, *options, "--max-batch", str(MOST_STREAMS)) as url:
        yield url, {}


def answers_of(client: httpx.Client, told: Told, streams: int, tokens: int) -> dict[str, float]:
    def ask(stream: int) -> int:
        body = {"model": "model", "prompt": prompt(stream), "max_tokens": tokens}
        body |= {"temperature": 0, "ignore_eos": True, **told}
        answer = client.post("/v1/completions", json=body).raise_for_status().json()
        return answer["usage"]["completion_tokens"]

    started = time.perf_counter()
    with ThreadPoolExecutor(streams) as asking:
        drawn = sum(asking.map(ask, range(streams)))
    return speeds(started, started, time.perf_counter(), drawn)


def main(system: str, weights: str, threads: str, form: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    limits = httpx.Limits(max_connections=MOST_STREAMS)
    with (
        serving(system, Path(weights), int(threads), form) as (url, told),
        httpx.Client(base_url=url, timeout=600, limits=limits) as client,
    ):
        answers_of(client, told, 1, 8)
        print(json.dumps({"ready": True}), file=answers, flush=True)
        for line in sys.stdin:
            asked = json.loads(line)
            found = answers_of(client, told, asked["streams"], asked["tokens"])
            print(json.dumps(found), file=answers, flush=True)
    os._exit(0)  # llama.cpp's server would wait for its threads


if __name__ == "__main__":
    main(*sys.argv[1:])
