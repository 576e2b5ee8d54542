"""The published figures: throughput, device prices, sizes and API prices, each with its source.

``published.yaml`` holds them as they were published; what follows from a figure (tokens a second
of a whole replica, by class) is computed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from billing.errors import UnknownDevice
from core.money import EXACT, ZERO

MODELS = ("v4-flash", "v4-pro")


class Basis(StrEnum):
    """What an hour of a device is priced at."""

    RENTAL = "rental"  # a provider's list price
    OWNERSHIP = "ownership"  # a model of what owning one costs, power and capital included


@dataclass(frozen=True, slots=True)
class Source:
    """Where a figure stands; ``certainty`` is vendor, third_party, derived or yours."""

    id: str
    title: str
    url: str
    date: date
    certainty: str
    dated: str = "published"  # or read: the page carries no date


@dataclass(frozen=True, slots=True)
class Device:
    """What is rented by the hour: a GPU, or an Atlas card."""

    id: str
    name: str
    memory_gb: Decimal
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """What one replica of a model did at one operating point.

    ``input_rate`` counts the input tokens that were computed, those from the prefix cache not.
    """

    model: str
    device: str
    devices: int
    input_rate: Decimal  # tokens a second, the whole replica
    output_rate: Decimal
    source: str
    input: int | None = None  # tokens per request
    output: int | None = None
    concurrency: int | None = None
    checkpoint: str | None = None
    tpot_ms: Decimal | None = None
    ttft_ms: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """Everything in ``published.yaml``."""

    sources: dict[str, Source]
    devices: dict[str, Device]
    device_prices: dict[tuple[str, Basis], tuple[Decimal, str]]  # USD an hour, source
    weights_gb: dict[tuple[str, str | None], tuple[Decimal, str]]
    kv_bytes: dict[str, tuple[int, str]]
    throughput: tuple[Throughput, ...]
    apis: tuple[dict[str, Any], ...]

    def device(self, name: str) -> Device:
        """Raises ``UnknownDevice``, which names the known ones."""
        if name not in self.devices:
            raise UnknownDevice(
                f"No device {name!r} is known; choose from {', '.join(self.devices)}.",
                param="device",
            )
        return self.devices[name]


@cache
def load_published() -> Published:
    """Read ``published.yaml``, once per process."""
    import yaml

    text = resources.files("billing.planning").joinpath("published.yaml").read_text("utf-8")
    body: dict[str, Any] = yaml.safe_load(text)
    return Published(
        sources={key: Source(id=key, **value) for key, value in body["sources"].items()},
        devices={key: _device(key, value) for key, value in body["devices"].items()},
        device_prices={
            (each["device"], Basis(each["basis"])): (Decimal(each["usd_per_hour"]), each["source"])
            for each in body["prices"]
        },
        weights_gb={
            (each["model"], each["checkpoint"]): (Decimal(each["gb"]), each["source"])
            for each in body["weights"]
        },
        kv_bytes={
            each["model"]: (each["bytes_per_token"], each["source"]) for each in body["kv_cache"]
        },
        throughput=tuple(_throughput(each) for each in body["throughput"]),
        apis=tuple(body["apis"]),
    )


def _device(key: str, body: Mapping[str, Any]) -> Device:
    return Device(key, body["name"], Decimal(body["memory_gb"]), body["source"])


def _throughput(body: Mapping[str, Any]) -> Throughput:
    facts = dict(body)
    unit, figure = facts.pop("unit"), Decimal(facts.pop("figure"))
    sent, written = Decimal(facts["input"]), Decimal(facts["output"])
    computed = EXACT.multiply(sent, 1 - Decimal(facts.pop("cached_share", ZERO)))
    if unit == "total":
        total = EXACT.multiply(figure, Decimal(facts["devices"]))
        output_rate = EXACT.divide(EXACT.multiply(total, written), sent + written)
    else:
        output_rate = figure
    for name in ("tpot_ms", "ttft_ms"):
        if name in facts:
            facts[name] = Decimal(facts[name])
    return Throughput(
        input_rate=EXACT.divide(EXACT.multiply(output_rate, computed), written),
        output_rate=output_rate,
        **facts,
    )
