"""The Grafana dashboard asks for metrics and labels that the gateway has, in valid PromQL.

There is no Grafana here: the file is checked for what its importer needs.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.metrics import Metrics

FILE = Path(__file__).parents[2] / "deploy" / "grafana" / "sovgate.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
    for panel in PANELS
    for target in panel["targets"]
]
# What a scrape adds to every series.
OF_THE_SCRAPE = {"job", "instance"}


def whole() -> Metrics:
    """Everything that a gateway can tell."""
    metrics = Metrics()
    metrics.add_upstreams({})
    return metrics


def labels_by_series() -> dict[str, set[str]]:
    """Every series that the gateway can have, with its labels."""
    found: dict[str, set[str]] = {"sovgate_upstream_healthy": {"upstream"}}
    for metric in whole()._registry._collector_to_names:
        labels = set(metric._labelnames)  # type: ignore[attr-defined]
        kind, name = metric._type, metric._name  # type: ignore[attr-defined]
        names = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        for ending in names.get(kind, [""]):
            found[name + ending] = labels | ({"le"} if ending == "_bucket" else set())
    return found


SERIES = labels_by_series()


def selectors(expression: str) -> Iterator[Any]:
    found: list[Any] = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(expression), pre_visit=visit)
    yield from found


def as_grafana_sends(expression: str) -> str:
    return expression.replace("$__rate_interval", "5m").replace("$job", ".*")


def grouped_by(expression: str) -> set[str]:
    found: set[str] = set()

    def visit(node: Any) -> bool:
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            found.update(node.modifier.labels)
        return True

    promql_parser.walk(promql_parser.parse(expression), pre_visit=visit)
    return found


@pytest.mark.parametrize("expression", QUERIES)
def test_a_query_asks_for_what_there_is(expression: str) -> None:
    sent = as_grafana_sends(expression)
    asked = list(selectors(sent))
    assert asked
    for selector in asked:
        assert selector.name in SERIES, selector.name
        known = SERIES[selector.name] | OF_THE_SCRAPE
        assert {matcher.name for matcher in selector.matchers.matchers} <= known
        assert grouped_by(sent) <= known


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_is_complete(panel: dict[str, Any]) -> None:
    assert {"id", "type", "title", "gridPos", "fieldConfig", "options", "targets"} <= set(panel)
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["type"] in {"timeseries", "stat"}
    for target in panel["targets"]:
        legend = set(json.dumps(target["legendFormat"]).split("{{")[1:])
        named = {part.partition("}}")[0] for part in legend}
        assert named <= grouped_by(as_grafana_sends(target["expr"])), panel["title"]


def test_panels_stand_beside_each_other() -> None:
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        own = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not own & places
        places |= own
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_the_importer_finds_what_it_needs() -> None:
    assert {"uid", "title", "schemaVersion", "panels", "templating", "time"} <= set(DASHBOARD)
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource", "job"}


def test_every_metric_of_requests_is_on_the_dashboard() -> None:
    text = FILE.read_text("utf-8")
    # Said by others: when the newest verification ended, and what a stream has delivered.
    elsewhere = {
        "sovgate_audit_verified_timestamp_seconds",
        "sovgate_audit_stream_delivered_records",
        "sovgate_audit_stream_failing",
    }
    page = whole().render().decode()
    names = {family.name for family in text_string_to_metric_families(page)}
    missing = {name for name in names - elsewhere if name not in text}
    assert not missing
