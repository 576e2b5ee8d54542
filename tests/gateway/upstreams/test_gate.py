"""The one gate: whoever sends, nothing goes to a zone that the policy does not allow."""

import ast
import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.egress import Sovereignty
from gateway.errors import ResidencyDenied, UpstreamUnreachable, ZoneForbidden
from gateway.settings import UpstreamSettings
from gateway.upstreams import Deployed, Gate, Health, UpstreamRequest
from support.repository import ROOT, python_files

REQUEST = UpstreamRequest(body={"model": "m"}, stream=False, affinity="", request_id="r")
ZONES = st.sampled_from(["onprem", "eu", "us", "cn"])


class Recorder:
    """The transport seam, written down: what would have left, and where to."""

    def __init__(self, zone: str) -> None:
        self.name, self.zone, self.models = "u", zone, frozenset({"m"})
        self.health = Health()
        self.servers = ("u",)
        self.sent: list[UpstreamRequest] = []
        self.closed = False

    async def send(self, request: UpstreamRequest, server: int = 0) -> "Answer":
        assert not self.closed
        self.sent.append(request)
        return Answer()

    async def check(self) -> None: ...

    def weights_digest(self, model: str) -> str | None:
        return None

    async def aclose(self) -> None:
        self.closed = True


class Answer:
    complete = True
    has_next = False

    async def read(self) -> bytes:
        return b"{}"

    async def events(self) -> AsyncIterator[bytes]:
        yield b"{}"

    async def aclose(self) -> None: ...


def deployed(name: str, zone: str, **more: str) -> tuple[Deployed, Recorder]:
    settings = UpstreamSettings(
        name=name, kind="openai", zone=zone, models=["m"], base_url="http://127.0.0.1:1/v1"
    )
    recorder = Recorder(zone)
    return Deployed(settings, recorder, **more), recorder  # type: ignore[arg-type]


@given(
    zones=st.lists(ZONES, min_size=1, max_size=5),
    home=st.none() | st.sets(ZONES),
    sends=st.lists(
        st.tuples(st.integers(0, 5), ZONES, st.sets(ZONES), st.integers(1, 3)), max_size=12
    ),
    moves=st.lists(st.tuples(st.integers(0, 4), ZONES), max_size=4),
)
def test_nothing_is_sent_outside(
    zones: list[str],
    home: set[str] | None,
    sends: list[tuple[int, str, set[str], int]],
    moves: list[tuple[int, str]],
) -> None:
    """Random upstreams, policies and targets, true or stale; between them upstreams move."""
    asyncio.run(_walk(zones, home, sends, moves))


async def _walk(
    zones: list[str],
    home: set[str] | None,
    sends: list[tuple[int, str, set[str], int]],
    moves: list[tuple[int, str]],
) -> None:
    made = [deployed(f"u{n}", zone, origin="database") for n, zone in enumerate(zones)]
    gate = Gate([each for each, _ in made], Sovereignty(home if home is None else frozenset(home)))
    current = {each.name: each for each, _ in made}
    recorders = [(recorder, each) for each, recorder in made]
    allowed_now: set[str] = set()
    for step, (number, claimed, allowed, attempts) in enumerate(sends):
        before = [len(recorder.sent) for recorder, _ in recorders]
        try:
            passage = gate.clear(f"u{number}", zone=claimed, allowed=allowed)
        except (ZoneForbidden, UpstreamUnreachable):
            fit = f"u{number}" in current and current[f"u{number}"].zone == claimed
            assert not (fit and claimed in allowed and (home is None or claimed in home))
        else:
            for _ in range(attempts):
                await passage.send(REQUEST)
            await passage.aclose()
            allowed_now = allowed if home is None else allowed & home
        for (recorder, _), count in zip(recorders, before, strict=True):
            if len(recorder.sent) > count:
                assert recorder.zone in allowed_now
        if step < len(moves):
            index, zone = moves[step]
            if f"u{index}" in current:
                moved, recorder = deployed(f"u{index}", zone, origin="database")
                current[f"u{index}"] = moved
                recorders.append((recorder, moved))
                await gate.replace("database", list(current.values()))


async def test_a_refusal_has_a_stable_code() -> None:
    foreign, recorder = deployed("abroad", "us")
    gate = Gate([foreign])
    with pytest.raises(ZoneForbidden) as caught:
        gate.clear("abroad", zone="us", allowed=["onprem"])
    assert caught.value.code == "zone_forbidden"
    assert isinstance(caught.value, ResidencyDenied)
    assert recorder.sent == []


async def test_a_zone_that_changed_since_routing_is_refused() -> None:
    """The journal would say one zone, and the request go to another."""
    old, _ = deployed("pool", "onprem", origin="database")
    gate = Gate([old])
    new, recorder = deployed("pool", "eu", origin="database")
    await gate.replace("database", [new])
    with pytest.raises(ZoneForbidden):
        gate.clear("pool", zone="onprem", allowed=["onprem", "eu"])
    assert recorder.sent == []


async def test_home_zones_hold_whatever_a_policy_says() -> None:
    foreign, _ = deployed("abroad", "us")
    gate = Gate([foreign], Sovereignty(frozenset({"onprem"})))
    with pytest.raises(ZoneForbidden):
        gate.clear("abroad", zone="us", allowed=["us"])


async def test_what_is_deleted_serves_its_requests_to_their_end() -> None:
    pool, recorder = deployed("pool", "onprem", origin="database")
    gate = Gate([pool])
    first = gate.clear("pool", zone="onprem", allowed=["onprem"])
    second = gate.clear("pool", zone="onprem", allowed=["onprem"])
    await gate.replace("database", [])
    assert list(gate) == []
    await first.send(REQUEST)  # still: it was cleared
    with pytest.raises(UpstreamUnreachable):
        gate.clear("pool", zone="onprem", allowed=["onprem"])
    await first.aclose()
    await first.aclose()
    assert not recorder.closed
    await second.aclose()
    assert recorder.closed
    with pytest.raises(RuntimeError):
        await first.send(REQUEST)


async def test_the_file_wins_over_the_database() -> None:
    ours, _ = deployed("pool", "onprem")
    gate = Gate([ours])
    theirs, recorder = deployed("pool", "us", origin="database")
    await gate.replace("database", [theirs])
    assert gate["pool"] is ours
    assert recorder.sent == []


def test_nothing_reaches_an_upstream_around_the_gate() -> None:
    """What the gate shows has no way to send; who holds a sender's class is in the package."""
    assert not hasattr(Deployed, "send")
    package = ROOT / "gateway" / "upstreams"
    senders = {"OpenAiUpstream", "LitellmUpstream", "HttpClient", "Upstream", "Sender", "build"}
    calls: list[str] = []
    for path in python_files("gateway"):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and "__upstream" in node.attr:
                assert path == package / "gate.py", path
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "gateway.upstreams"
            ):
                names = {alias.name for alias in node.names}
                assert package in path.parents or not names & senders, path
            if (
                package in path.parents
                and isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "send"
            ):
                calls.append(path.name)
    assert sorted(calls) == ["gate.py", "sender.py"]  # the gate's, and the one attempt's
