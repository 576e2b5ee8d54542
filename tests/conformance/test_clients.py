"""Every SDK and framework does its everyday work through a real gateway, and notices nothing.

The upstream obeys forced tools and schemas (``support.obedient_upstream``);
``tests/e2e/test_demo.py`` sends the same programs to our own worker.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from support import clients
from support.clients import NODE_MODULES, Client
from support.deployment import KEYS, Deployment, gateway, settings
from support.processes import answers, free_port, running

MODEL = "any-model"
CHAT = ("chat", "stream", "tools", "structured_output", "vision")
_API = ("responses", "responses_stream", "embeddings", "batch", "errors", "retry", "abort")
SCENARIOS: dict[str, tuple[Client, tuple[str, ...]]] = {
    "openai": (
        clients.OPENAI,
        (*CHAT, *_API, "forced_tool_stream", "several_choices_with_logprobs", "reasoning",
         "completions", "responses_tools", "responses_structured", "moderations", "models"),
    ),
    "openai3": (
        clients.OPENAI3,
        (*CHAT, *_API, "forced_tool_stream", "several_choices_with_logprobs", "reasoning",
         "completions", "responses_tools", "responses_structured", "moderations", "models"),
    ),
    "openai_node": (clients.OPENAI_NODE, (*CHAT, *_API)),
    "anthropic": (
        clients.ANTHROPIC,
        (*CHAT, "tool_stream", "thinking", "count_tokens", "models", "batch", "errors", "retry",
         "abort"),
    ),
    "langchain": (
        clients.LANGCHAIN, (*CHAT, "responses", "embeddings", "messages", "messages_tools")
    ),
    "llamaindex": (clients.LLAMAINDEX, (*CHAT, "completions", "embeddings")),
    "litellm": (clients.LITELLM, (*CHAT, "embeddings", "responses", "messages", "errors")),
}  # fmt: skip


class Reports:
    """Runs each program once, when the first of its scenarios is asked for."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._reports: dict[str, dict[str, dict[str, Any]]] = {}

    def of(self, client: str, scenario: str) -> dict[str, Any]:
        if client not in self._reports:
            program, names = SCENARIOS[client]
            run = partial(program.run, self._deployment.base_url, KEYS["acme"], MODEL, MODEL)
            self._reports[client] = run(*names)
        return self._reports[client][scenario]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("clients")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        running(
            [clients.OPENAI.command, "-m", "support.obedient_upstream", str(port)],
            ready=answers(f"{url}/v1/models"),
            log=directory / "upstream.log",
            env={"PYTHONPATH": str(Path(__file__).parents[1])},
        ),
        gateway(directory, settings(directory, url)) as deployment,
    ):
        yield deployment


@pytest.fixture(scope="module")
def reports(deployment: Deployment) -> Reports:
    return Reports(deployment)


@pytest.mark.parametrize(
    ("client", "scenario"),
    [(client, name) for client, (_, names) in SCENARIOS.items() for name in names],
)
def test_a_client_is_served(reports: Reports, client: str, scenario: str) -> None:
    report = reports.of(client, scenario)
    assert report["ok"], report["error"]


@pytest.mark.parametrize("form", ["openai-chat", "open-responses", "anthropic"])
def test_llm_comply(deployment: Deployment, form: str) -> None:
    result = subprocess.run(
        [clients.OPENAI.command, "-m", "llm_comply.cli", "--format", form,
         "-u", deployment.base_url, "-k", KEYS["acme"], "-m", MODEL, "--json"],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    report = json.loads(result.stdout)
    failed = [test for test in report["results"] if test["status"] not in {"passed", "skipped"}]
    assert failed == []
    assert result.returncode == 0


@pytest.mark.parametrize("profile", ["chat", "modern"])
def test_compatcanary(deployment: Deployment, profile: str) -> None:
    program = NODE_MODULES / "compatcanary" / "src" / "cli.js"
    result = subprocess.run(
        ["node", str(program), "scan", "--base-url", deployment.base_url, "--model", MODEL,
         "--profile", profile, "--format", "json"],
        capture_output=True, text=True, timeout=100, check=False,
        env={**os.environ, "OPENAI_API_KEY": KEYS["acme"]},
    )  # fmt: skip
    report = json.loads(result.stdout)
    assert result.returncode == 0, report
    assert {probe["status"] for probe in report["results"]} == {"pass"}
    assert report["score"] == 100


def test_an_aborted_stream_reaches_the_upstream(deployment: Deployment, reports: Reports) -> None:
    """After the clients' aborts the upstream was hung up on, not read to its end."""
    for client in ("openai", "openai3", "openai_node", "anthropic"):
        assert reports.of(client, "abort")["ok"]
    upstream = next(
        item["base_url"] for item in _upstreams(deployment) if item["name"] == "capture"
    )
    captured = httpx.get(upstream.removesuffix("/v1") + "/captured").json()
    assert captured["aborted"] == 4


def _upstreams(deployment: Deployment) -> list[dict[str, Any]]:
    return yaml.safe_load(deployment.config.read_text())["upstreams"]
