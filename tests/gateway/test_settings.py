"""The configuration: validated, documented, overridden by the environment."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from gateway.errors import SettingsError
from gateway.settings import PolicySettings, Settings, find_config, load_settings, parse_settings
from gateway.settings.docs import render

ROOT = Path(__file__).parents[2]
DESIGN_EXAMPLE = """
server: {host: 127.0.0.1, port: 8080, workers: 1}
data_dir: ./data
database: {url: "sqlite+aiosqlite:///./data/sovgate.db"}
redis: {url: null}
audit: {signing_key_file: null}
upstreams:
  - {name: pool, kind: pool, zone: onprem, workers: ["http://127.0.0.1:9100"], models: [a, b]}
  - {name: cap, kind: openai, base_url: "http://x/v1", api_key_env: null, zone: eu, models: [c]}
  - {name: claude, kind: litellm, model_prefix: anthropic, zone: us, models: [d]}
tiers:
  flash: {upstream: pool, model: a, thinking: false}
  think-max: {upstream: pool, model: b, thinking: true, effort: max}
prices: [{model: a, currency: USD, effective_from: 2026-01-01, input: "0.15",
          cached_input: "0.003", output: "0.60", per: 1000000}]
policies:
  default:
    zones: [onprem]
    pii: {action: mask, restore: true, entities: default, languages: [en, de, zh, fr]}
    moderation: {input: block, output: block, categories: default}
    injection: {input: block, documents: flag}
    routing: {quality: 0.8}
bootstrap:
  tenants: [{name: acme, policy: default, budget: {limit_usd: "10.00", period: month, hard: true},
             limits: {rpm: 600, tpm: 1000000, parallel: 64}, keys: [{name: app, env: KEY}]}]
  admins: [{email: owner@example.com, password_env: PASSWORD, role: owner}]
"""


def example() -> dict[str, Any]:
    return yaml.safe_load(DESIGN_EXAMPLE)


def test_the_example() -> None:
    settings = parse_settings(example())
    assert settings.tiers["think-max"].effort == "max"
    assert str(settings.prices[0].input) == "0.15"


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (["server", "prot"], 1, "server.prot"),
        (["server", "port"], "x", "server.port"),
        (["server", "workers"], 2, "redis.url"),
        (["database", "url"], "mysql://x", "database.url"),
        (["prices", 0, "input"], 0.15, "prices.0.input"),
        (["tiers", "flash", "upstream"], "nobody", "nobody"),
        (["tiers", "flash", "model"], "zz", "zz"),
        (["upstreams", 0, "workers"], [], "workers"),
        (["upstreams", 1, "name"], "pool", "same name"),
        (["bootstrap", "tenants", 0, "policy"], "weak", "weak"),
        (["policies"], {}, "default"),
    ],
)
def test_a_wrong_value_is_named(path: list[Any], value: Any, named: str) -> None:
    content = example()
    place: Any = content
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    with pytest.raises(SettingsError, match=named):
        parse_settings(content)


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOVGATE_SERVER__PORT", "9999")
    assert parse_settings(example()).server.port == 9999


def test_a_variable_that_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOVGATE_UPSTREAMS", "[{")
    with pytest.raises(SettingsError, match=r"upstreams.*JSON"):
        parse_settings(example())


def test_finding_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOVGATE_CONFIG", raising=False)
    with pytest.raises(SettingsError, match="--config"):
        find_config()
    (tmp_path / ".sovgate").mkdir()
    (tmp_path / ".sovgate" / "sovgate.yaml").write_text("{}")
    assert find_config() == Path(".sovgate/sovgate.yaml")
    with pytest.raises(SettingsError):
        find_config(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(SettingsError, match="YAML"):
        load_settings(tmp_path / "bad.yaml")


def test_policies_have_digests_of_their_content() -> None:
    assert PolicySettings().digest == PolicySettings().digest
    assert PolicySettings(zones=["eu"]).digest != PolicySettings().digest


def test_the_page_is_made_from_the_settings() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text() == render()


def test_every_field_says_what_it_means() -> None:
    undocumented = [
        f"{model.__name__}.{name}"
        for model in [Settings, *_sections(Settings)]
        for name, field in model.model_fields.items()
        if not field.description
    ]
    assert undocumented == []


def _sections(model: type[BaseModel]) -> list[type[BaseModel]]:
    from gateway.settings.docs import _models_in

    found = []
    for field in model.model_fields.values():
        for inner, _ in _models_in(field.annotation):
            found += [inner, *_sections(inner)]
    return found
