"""A newcomer's path: ``sovgate demo`` from nothing, the SDK, a real mixture of experts."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import BadRequestError, OpenAI

from support import clients
from support.clients import Client
from support.commands import run_command
from support.outcomes import soon
from support.processes import ROOT, free_port, running

EMBEDDING_MODEL = "sov-embed"
PROMPT = "My name is Greta Vogel, write to greta.vogel@example.com. Please say hello to me."


@dataclass(frozen=True)
class RunningDemo:
    directory: Path
    facts: dict[str, Any]
    process: subprocess.Popen[bytes]

    def client(self) -> OpenAI:
        return OpenAI(base_url=self.facts["base_url"], api_key=self.facts["tenants"][0]["api_key"])

    def sovgate(self, *arguments: str) -> str:
        config = str(self.directory / "sovgate.yaml")
        result = run_command(*arguments, env={"SOVGATE_CONFIG": config})
        assert result.status == 0, result.errors
        return result.output

    def record(self, request_id: str) -> dict[str, Any]:
        """The audit record of a request, once it is drained."""

        def found() -> list[dict[str, Any]]:
            lines = self.sovgate("audit", "export", "--tenant", "acme").splitlines()
            return [each for each in map(json.loads, lines) if each["request_id"] == request_id]

        soon(lambda: bool(found()))
        return found()[0]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, demo_model: Path) -> Iterator[RunningDemo]:
    """From nothing but the checkpoint, which took this command half a minute before."""
    directory = tmp_path_factory.mktemp("demo") / ".sovgate"
    directory.mkdir(mode=0o700)
    (directory / "model").symlink_to(demo_model)
    facts = directory / "demo.json"
    with running(
        [sys.executable, "-m", "gateway.cli", "demo", "--directory", directory],
        ready=facts.exists,
        log=directory.parent / "demo.log",
        env={"PORT": str(free_port())},
        timeout=120,
        stop_signal=signal.SIGINT,
    ) as server:
        yield RunningDemo(directory, json.loads(facts.read_text()), server.process)


def test_plain(demo: RunningDemo) -> None:
    with demo.client() as client:
        answer = client.chat.completions.with_raw_response.create(
            model="auto", messages=[{"role": "user", "content": PROMPT}], max_tokens=48
        )
    assert answer.headers["x-sovgate-masked"] == "EMAIL_ADDRESS=1,PERSON=1"
    assert answer.headers["x-sovgate-upstream"] == "pool"
    assert Decimal(answer.headers["x-sovgate-cost-usd"]) > 0
    completion = answer.parse()
    assert len((completion.choices[0].message.content or "").split()) >= 3
    assert completion.usage is not None
    assert completion.usage.completion_tokens > 0


def test_the_readme_s_example(demo: RunningDemo) -> None:
    example = (ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0]
    result = subprocess.run(
        [sys.executable, "-c", example],
        cwd=demo.directory.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert "'x-sovgate-masked': 'EMAIL_ADDRESS=1,PERSON=1'" in result.stdout


def test_streamed(demo: RunningDemo) -> None:
    with demo.client() as client:
        stream = client.chat.completions.create(
            model="auto",
            messages=[{"role": "user", "content": PROMPT}],
            max_tokens=48,
            stream=True,
        )
        pieces = [choice.delta.content or "" for chunk in stream for choice in chunk.choices]
    assert len([piece for piece in pieces if piece]) > 2


def test_records_agree_with_the_worker_s_counts(demo: RunningDemo) -> None:
    with demo.client() as client:
        answer = client.chat.completions.with_raw_response.create(
            model="think-high",
            messages=[{"role": "user", "content": "Name a colour."}],
            max_tokens=8,
        )
    usage = answer.parse().usage
    assert usage is not None
    record = demo.record(answer.headers["x-sovgate-request-id"])
    details = usage.prompt_tokens_details  # a token that was cached is not in the other class
    cached = details.cached_tokens or 0 if details else 0
    assert record["tokens"]["cached_input"] == cached
    assert record["tokens"]["input"] + cached == usage.prompt_tokens
    assert record["tokens"]["output"] == usage.completion_tokens
    assert record["weights_digest"].startswith("sha256:")
    assert record["cost"] == answer.headers["x-sovgate-cost-usd"]
    span = ("--from", "2026-01-01", "--json")  # whatever month it is by now
    report = json.loads(demo.sovgate("report", "usage", "--tenant", "acme", *span))
    assert report["total"]["requests"] >= 1
    assert "0 problems" in demo.sovgate("billing", "check")


def test_an_answer_that_is_cut_is_billed_with_what_was_generated(demo: RunningDemo) -> None:
    """The worker counts within the stream, so nothing is estimated when a client hangs up."""
    stream = demo.client().chat.completions.create(
        model="flash",
        messages=[{"role": "user", "content": "Tell me a long story about a ship."}],
        stream=True,
        max_tokens=120,
    )
    request_id = stream.response.headers["x-sovgate-request-id"]
    seen = 0
    for chunk in stream:
        assert chunk.usage is None  # nobody asked for counts
        seen += bool(chunk.choices and chunk.choices[0].delta.content)
        if seen == 5:
            break
    stream.close()
    record = demo.record(request_id)
    assert record["outcome"] == "disconnected"
    assert record["tokens"]["estimated"] is False
    assert 5 <= record["tokens"]["output"] < 120


# What a model can serve that neither calls tools nor keeps to a schema.
WORKER_SCENARIOS: dict[str, tuple[Client, tuple[str, ...]]] = {
    "openai": (
        clients.OPENAI,
        ("chat", "stream", "completions", "responses", "responses_stream", "embeddings",
         "moderations", "models", "batch", "abort"),
    ),
    "openai3": (clients.OPENAI3, ("chat", "stream", "responses_stream", "abort")),
    "openai_node": (clients.OPENAI_NODE, ("chat", "stream", "responses", "embeddings", "batch")),
    "anthropic": (clients.ANTHROPIC, ("chat", "stream", "count_tokens", "abort")),
    "langchain": (clients.LANGCHAIN, ("chat", "stream", "embeddings", "messages")),
    "llamaindex": (clients.LLAMAINDEX, ("chat", "stream", "embeddings")),
    "litellm": (clients.LITELLM, ("chat", "stream", "embeddings", "messages")),
}  # fmt: skip


@pytest.mark.parametrize("client", WORKER_SCENARIOS)
def test_a_client_is_served_by_the_worker(demo: RunningDemo, client: str) -> None:
    """The programs of ``tests/conformance/test_clients.py``, in front of a real model."""
    program, scenarios = WORKER_SCENARIOS[client]
    key = demo.facts["tenants"][0]["api_key"]
    reports = program.run(demo.facts["base_url"], key, "sov-flash", EMBEDDING_MODEL, *scenarios)
    assert [report for report in reports.values() if not report["ok"]] == []
    assert set(reports) == set(scenarios)


def test_the_worker_keeps_to_a_schema(demo: RunningDemo) -> None:
    schema = {
        "type": "object",
        "properties": {"colour": {"enum": ["red", "green"]}, "count": {"enum": [1, 2, 3]}},
        "required": ["colour", "count"],
        "additionalProperties": False,
    }
    with demo.client() as client:
        answer = client.chat.completions.create(
            model="flash",
            messages=[{"role": "user", "content": "A colour and a number"}],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "pick", "strict": True, "schema": schema},
            },
        )
    picked = json.loads(answer.choices[0].message.content or "")
    assert picked["colour"] in {"red", "green"}
    assert picked["count"] in {1, 2, 3}


def test_what_the_worker_cannot_do_is_said(demo: RunningDemo) -> None:
    with demo.client() as client, pytest.raises(BadRequestError, match="cannot be enforced"):
        client.chat.completions.create(
            model="flash",
            messages=[{"role": "user", "content": "A number"}],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "odd", "schema": {"type": "object", "not": {"minimum": 3}}},
            },
        )


def test_the_admin_ui_and_api_answer(demo: RunningDemo) -> None:
    page = httpx.get(demo.facts["admin_url"])
    assert page.status_code == 200
    login = httpx.post(f"{demo.facts['admin_url']}api/v1/login", json=demo.facts["admin"])
    assert login.status_code == 200


def test_interrupt_stops_everything_it_started(demo: RunningDemo) -> None:
    workers = subprocess.run(
        ["pgrep", "-P", str(demo.process.pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    assert workers
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
