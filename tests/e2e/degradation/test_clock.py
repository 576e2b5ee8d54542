"""The machine's clock set forward and back while a gateway runs: docs/degradation.md."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from support.deployment import KEYS, Capture, gateway, settings
from support.faults import Site
from support.wall_clock import WallClock

DAY_S = 86_400
DEARER_FROM = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(
    days=2
)


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> WallClock:
    clock = WallClock(tmp_path_factory.mktemp("clock") / "offset")
    clock.off_by(0)
    return clock


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, upstream: Capture, clock: WallClock
) -> Iterator[Site]:
    """In two days prices double; globex may ask three times a minute."""
    directory = tmp_path_factory.mktemp("gateway")
    content = settings(directory, upstream.url)
    (flash,) = [price for price in content["prices"] if price["model"] == "sov-flash"]
    dearer = flash | {"effective_from": DEARER_FROM.isoformat(), "input": "0.30", "output": "1.20"}
    content["prices"] += [dearer | {"cached_input": "0.006"}]
    content["bootstrap"]["tenants"][1]["limits"] = {"rpm": 3}
    with gateway(
        directory, content, module="support.clocked_gateway", env=clock.environment
    ) as deployment:
        site = Site(deployment, upstream)
        site.serves()
        yield site
        site.check(proofs=True)


@pytest.mark.parametrize("days", [3, -3, 0], ids=["forward", "back", "as_it_was"])
def test_requests_go_on_at_the_price_of_their_instant(
    site: Site, clock: WallClock, days: int
) -> None:
    clock.off_by(days * DAY_S)
    expected = Decimal("0.0000117") if days > 2 else Decimal("0.00000585")
    site.serves()
    plain, streamed = site.serves()
    assert Decimal(plain.headers["x-sovgate-cost-usd"]) == expected
    books = site.check()
    assert books.cost(streamed.id) == expected
    latency = books.records[plain.id]["latency"]
    assert all(value >= 0 for value in latency.values())


def test_the_chain_never_goes_back(site: Site, clock: WallClock) -> None:
    for days in (1, -1, 0):
        clock.off_by(days * DAY_S)
        site.serves()
        site.check()
    clock.off_by(0)
    books = site.check(proofs=True)
    times = [record["time"] for record in books.records.values() if record["tenant"] == "acme"]
    assert times == sorted(times)
    started = [r["started_at"] for r in books.records.values() if r["tenant"] == "acme"]
    assert started != sorted(started), "a record says what the clock said"


def test_rate_limits_do_not_follow_the_clock(site: Site, clock: WallClock) -> None:
    globex = KEYS["globex"]
    codes = [site.ask(key=globex).code for _ in range(4)]
    assert codes == [None] * 3 + ["requests_per_minute_exceeded"]
    for days in (1, -1):
        clock.off_by(days * DAY_S)
        assert site.ask(key=globex).code == "requests_per_minute_exceeded"
    clock.off_by(0)


def test_sessions_end_when_the_clock_says_so(site: Site, clock: WallClock) -> None:
    with site.admin() as admin:
        assert admin.get("/me").status_code == 200
        clock.off_by(60 * DAY_S)
        assert admin.get("/me").status_code == 401
        clock.off_by(0)
        assert admin.get("/me").status_code == 200
