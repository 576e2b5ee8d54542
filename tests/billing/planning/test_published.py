"""The cited figures: each has its source, and what follows from them is right."""

import re
from datetime import date
from decimal import Decimal

import pytest

from billing.errors import UnknownDevice
from billing.planning import Published, Throughput
from billing.planning.published import MODELS, Basis
from support.repository import ROOT


def test_every_source_says_where_when_and_how_sure(published: Published) -> None:
    for source in published.sources.values():
        assert source.title, source.id
        assert source.url.startswith("https://"), source.id
        assert date(2026, 4, 24) <= source.date <= date(2026, 11, 28), source.id
        assert source.certainty in {"vendor", "third_party", "derived"}, source.id
        assert source.dated in {"published", "read"}, source.id


def test_every_figure_has_a_source_and_every_source_a_figure(published: Published) -> None:
    used = {device.source for device in published.devices.values()}
    used |= {source for _, source in published.device_prices.values()}
    used |= {source for _, source in published.weights_gb.values()}
    used |= {source for _, source in published.kv_bytes.values()}
    used |= {point.source for point in published.throughput}
    used |= {api["source"] for api in published.apis}
    assert used == set(published.sources)


def test_every_figure_is_documented(published: Published) -> None:
    text = (ROOT / "docs" / "plan.md").read_text("utf-8")
    missing = [source.id for source in published.sources.values() if f"({source.url})" not in text]
    for device, (usd, _) in ((key[0], price) for key, price in published.device_prices.items()):
        missing += [] if re.search(rf"\| {device} \(.*\${usd} ", text) else [device]
    for each in published.throughput:
        lengths, rate = f"{each.input} / {each.output}", round(each.output_rate)
        row = f"| {each.model} | {each.device} | {each.devices} | {lengths} | {each.concurrency} |"
        missing += [] if re.search(re.escape(row) + rf" \d+ \| {rate} ", text) else [row]
    assert missing == []


def test_figures_name_known_models_and_devices(published: Published) -> None:
    for point in published.throughput:
        assert point.model in MODELS
        assert point.device in published.devices
        assert min(point.input_rate, point.output_rate, point.devices) > 0
    assert {device for device, _ in published.device_prices} <= set(published.devices)
    assert all(price > 0 for price, _ in published.device_prices.values())
    assert set(published.kv_bytes) == set(MODELS)


def _point(published: Published, **facts: object) -> Throughput:
    (found,) = (
        each
        for each in published.throughput
        if all(getattr(each, name) == value for name, value in facts.items())
    )
    return found


def test_a_total_per_device_becomes_rates_of_a_replica(published: Published) -> None:
    """8,399 tokens a second and GPU on four; 8,192 of 9,216 tokens are input."""
    facts = {"model": "v4-flash", "device": "b200", "concurrency": 256}
    point = _point(published, **facts)
    assert point.output_rate * 9 == 8399 * 4
    assert point.input_rate * 9 == 8399 * 4 * 8


def test_an_output_figure_is_that_of_the_replica(published: Published) -> None:
    point = _point(published, source="ascend-vllm-flash")
    assert point.output_rate == Decimal("15569.48")
    assert round(point.input_rate, 4) == Decimal("36328.7867")  # * 3,500 / 1,500


def test_cached_input_was_not_computed(published: Published) -> None:
    """737.07 * 128,000 / 1,024 input tokens a second, a tenth of them computed."""
    point = _point(published, source="ascend-vllm-pro")
    assert point.input_rate == Decimal("9213.375")


def test_nobody_published_these(published: Published) -> None:
    measured = {(point.model, point.device) for point in published.throughput}
    assert ("v4-flash", "atlas-800-a2") not in measured
    assert ("v4-pro", "ascend-950dt") not in measured
    assert ("atlas-800-a3", Basis.RENTAL) not in published.device_prices


def test_an_unknown_device_is_named_with_the_known_ones(published: Published) -> None:
    with pytest.raises(UnknownDevice, match="'b100' is known; choose from h100, h200") as error:
        published.device("b100")
    assert error.value.code == "unknown_device"
