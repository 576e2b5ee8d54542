"""What a sovereign deployment refuses to start with, and every outgoing call by the connector."""

import ast
from pathlib import Path
from typing import Any

import pytest

from gateway.egress import ForeignZone, Sovereignty, check_deployment
from gateway.errors import SettingsError
from gateway.settings import Settings, parse_settings
from support.repository import ROOT, python_files

HOME = {"sovereign_only": True, "home_zones": ["onprem", "de"]}


def parsed(egress: dict[str, Any] | None = None, **sections: Any) -> Settings:
    return parse_settings({"egress": HOME if egress is None else egress, **sections})


def upstream(name: str, zone: str, **more: Any) -> dict[str, Any]:
    own = {"name": name, "kind": "openai", "base_url": "http://127.0.0.1:1/v1", "models": ["m"]}
    return own | {"zone": zone} | more


def refusal(settings: Settings, *stored: tuple[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        check_deployment(settings, stored)
    return caught.value.message


def test_what_is_at_home_starts(tmp_path: Path) -> None:
    settings = parsed(
        HOME | {"home_hosts": ["hooks.corp", "mail.corp", "logs.corp", "tsa.corp", "otel.corp"]},
        upstreams=[upstream("a", "onprem"), upstream("b", "de")],
        policies={"default": {"zones": ["onprem", "de"]}},
        alerts={
            "webhooks": {"ops": {"url": "https://hooks.corp/x", "secret_env": "S"}},
            "smtp": {"host": "mail.corp", "sender": "a@corp"},
        },
        audit={
            "streams": {"siem": {"url": "tls://logs.corp:6514"}},
            "anchors": {
                "tsa": {"kind": "rfc3161", "url": "http://tsa.corp", "ca_file": "ca.pem"},
                "worm": {"kind": "file", "path": str(tmp_path / "worm")},
            },
        },
        telemetry={"otlp_endpoint": "http://otel.corp:4318"},
    )
    check_deployment(settings, [("stored", "de")])


def test_everything_foreign_is_named_at_once(tmp_path: Path) -> None:
    said = refusal(
        parsed(
            upstreams=[
                upstream("far", "us"),
                upstream("provider", "de", kind="litellm", base_url=None, model_prefix="anthropic"),
            ],
            policies={"default": {}, "travel": {"zones": ["onprem", "eu", "us"]}},
            alerts={
                "webhooks": {"ops": {"url": "https://hooks.far/x", "secret_env": "S"}},
                "smtp": {"host": "mail.far", "sender": "a@far"},
            },
            audit={
                "streams": {"siem": {"url": "tls://logs.far:6514"}},
                "anchors": {
                    "tsa": {"kind": "rfc3161", "url": "http://tsa.far", "ca_file": "ca.pem"}
                },
            },
            telemetry={"otlp_endpoint": "https://otel.far"},
        ),
        ("stored", "cn"),
        ("good", "onprem"),
    )
    for part in (
        "upstream far (zone us)",
        "upstream provider (litellm without base_url calls its provider)",
        "policy travel (allows zone eu, us)",
        "webhook ops (host hooks.far",
        "the mail server (host mail.far",
        "audit stream siem (host logs.far",
        "audit anchor tsa (host tsa.far",
        "the collector of telemetry (host otel.far",
        "upstream stored of the database (zone cn)",
    ):
        assert part in said
    assert "good" not in said


def test_any_zone_will_do_where_it_is_not_asked_for() -> None:
    check_deployment(parsed({}, upstreams=[upstream("far", "us")]), [("stored", "cn")])
    Sovereignty().check("us")
    with pytest.raises(ForeignZone):
        Sovereignty(frozenset({"onprem"})).check("us")


@pytest.mark.parametrize(
    "egress",
    [
        {"allow_networks": ["10.0.0.1/8"]},
        {"allow_networks": ["everything"]},
        {"zone_networks": {"onprem": []}},
        {"zone_networks": {"onprem": ["10.0.0.0/33"]}},
        {"home_zones": []},
        {"key_env_prefix": ""},
    ],
)
def test_settings_that_would_not_hold(egress: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        parsed(egress)


SOCKETS = ("TCPConnector", "open_connection", "create_connection", "urlopen", "HTTPSConnection")


def test_every_outgoing_call_has_the_connector() -> None:
    """A client made anywhere else names a guarded one; who opens a socket is known here."""
    clients: list[str] = []
    sockets: list[str] = []
    for path in python_files("gateway", "billing", "core", "guardrails"):
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called.endswith("ClientSession"):
                assert any(word.arg == "connector" for word in node.keywords), name
                clients.append(name)
            elif called.endswith(SOCKETS):
                sockets.append(name)
    assert len(clients) >= 3
    assert set(sockets) == {
        "gateway/egress/connector.py",
        "gateway/demo.py",  # asks the gateway that it has just started
    }
