"""Four upstream processes that misbehave on demand, and one gateway that knows them in several
arrangements: for the tests of docs/resilience.md."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from support.deployment import KEYS, Capture, settings
from support.faults import Answer, Site
from support.faulty_upstream import FAULTS

CALM: dict[str, Any] = {"breaker_percent": None, "retry_percent": 100}
BREAKER_OPEN_S = 1.0
STALLS = [fault for fault in FAULTS if fault.startswith("stall")]


class Servers(Capture):
    """Several upstream processes as one."""

    def __init__(self, urls: list[str]) -> None:
        super().__init__(urls[0])
        object.__setattr__(self, "each", [Capture(url) for url in urls])

    each: list[Capture]

    def ids(self) -> list[str]:
        return [id_ for server in self.each for id_ in server.ids()]

    def plays(self, server: int, **roles: str) -> None:
        """Give models of one server a fault each."""
        named = {model.replace("_", "-"): fault for model, fault in roles.items()}
        httpx.post(f"{self.each[server].url}/roles", json=named).raise_for_status()

    def release(self, server: int, count: int = 1) -> None:
        httpx.post(f"{self.each[server].url}/release", json={"count": count}).raise_for_status()

    def gone(self, server: int) -> list[str]:
        return httpx.get(f"{self.each[server].url}/gone").json()

    def count(self, server: int) -> int:
        return len(self.each[server].ids())


@dataclass(frozen=True)
class Place:
    """The gateway, its upstreams, and clients that ask at the same time."""

    site: Site
    servers: Servers
    clients: ThreadPoolExecutor

    def ask_later(self, **request: Any) -> "Future[Answer]":
        return self.clients.submit(self.site.ask, **request)

    def soon(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not what():
            assert time.monotonic() < deadline, "it does not happen"
            time.sleep(0.01)

    @property
    def finished(self) -> set[str]:
        """The requests that clients have an answer to."""
        return set(self.site.answered)

    def gauge(self, name: str) -> float:
        return self.site.metric(name)


def configuration(directory: Path, servers: Servers, silent: str) -> dict[str, Any]:
    """``silent`` is the address of a server that takes no connection.

    Time-outs are short only where something stalls: everywhere else a busy machine may take
    its time.
    """
    urls = [each.url for each in servers.each]

    def one(name: str, models: list[str], server: int = 0, **more: Any) -> dict[str, Any]:
        resilience = {**CALM, **more.pop("resilience", {})}
        base = {"kind": "openai", "zone": "onprem", "base_url": f"{urls[server]}/v1"}
        times = {"read_timeout_s": 15.0, "total_timeout_s": 30.0}
        return {"name": name, **base, **times, "models": models, "resilience": resilience} | more

    def pool(name: str, members: list[int], **more: Any) -> dict[str, Any]:
        upstream = one(name, [name], **more) | {"kind": "pool"}
        del upstream["base_url"]
        return upstream | {"workers": [urls[member] for member in members]}

    upstreams = [
        one("plain", [fault for fault in FAULTS if fault not in STALLS]),
        one("stalling", STALLS, read_timeout_s=0.5),
        one("unrepeated", ["unrepeated"], retries=0),
        one("eager", ["eager"], resilience={"retry_on": ["timeout"]}, read_timeout_s=0.5),
        one("first", ["first"], resilience={"first_token_timeout_s": 1.5}),
        one("whole", ["whole"], total_timeout_s=0.6),
        one("thrifty", ["thrifty"], resilience={"retry_percent": 0, "retry_reserve": 0}),
        one(
            "breaking",
            ["breaking"],
            retries=0,
            resilience={
                "breaker_percent": 50,
                "breaker_minimum": 4,
                "breaker_open_s": BREAKER_OPEN_S,
            },
        ),
        one(
            "narrow",
            ["narrow"],
            resilience={"max_concurrency": 1, "queue_length": 12},
        ),
        one(
            "wide",
            ["wide"],
            resilience={"max_concurrency": 4, "queue_length": 40},
        ),
        one(
            "tight",
            ["tight"],
            resilience={"max_concurrency": 1, "queue_length": 0},
        ),
        one(
            "brief",
            ["brief"],
            resilience={"max_concurrency": 1, "queue_length": 5, "queue_timeout_s": 0.1},
        ),
        one("main", ["main"], retries=0, read_timeout_s=1.5),
        one("abroad", ["abroad"], 1, zone="us"),
        one("second", ["second"], 2, retries=0),
        one("third", ["third"], 3),
        one("here", ["shared"], 1, retries=0),
        one("there", ["shared"], 2, retries=0),
        one("nowhere", ["gone"], retries=0) | {"base_url": "http://127.0.0.1:1/v1"},
        one("silent", ["unheard"], retries=0, connect_timeout_s=0.3) | {"base_url": f"{silent}/v1"},
        pool(
            "pooled",
            [1, 2, 3],
            resilience={"eject_after": 3, "eject_s": 600.0, "backoff_ms": 0},
        ),
        pool("hedged", [1, 2], retries=0, resilience={"hedge_after_ms": 100}),
        pool("patient", [1, 2], retries=0, resilience={"hedge_after_ms": 14_000}),
    ]
    models = [model for upstream in upstreams for model in upstream["models"]]
    dearer = {"second": "0.60", "third": "1.20"}
    content = settings(directory, servers.url)
    content["upstreams"] = upstreams
    content["tiers"] = {
        "flash": {
            "upstream": "main",
            "model": "main",
            "fallbacks": [
                {"upstream": "abroad", "model": "abroad"},
                {"upstream": "second", "model": "second"},
                {"upstream": "third", "model": "third"},
            ],
        },
        "instant": {
            "upstream": "nowhere",
            "model": "gone",
            "fallbacks": [{"upstream": "third", "model": "third"}],
        },
        "think-high": {
            "upstream": "silent",
            "model": "unheard",
            "fallbacks": [{"upstream": "third", "model": "third"}],
        },
        "non-think": {
            "upstream": "breaking",
            "model": "breaking",
            "fallbacks": [{"upstream": "third", "model": "third"}],
        },
    }
    content["prices"] = [
        {
            "model": model,
            "effective_from": "2026-01-01",
            "input": dearer.get(model, "0.15"),
            "output": "0.60",
        }
        for model in dict.fromkeys(models)
    ]
    content["policies"] = {"default": {"zones": ["onprem"]}, "open": {"zones": ["onprem", "us"]}}
    for tenant in content["bootstrap"]["tenants"]:
        if tenant["name"] == "globex":
            tenant["policy"] = "open"
    assert set(KEYS) == {"acme", "globex"}
    return content
