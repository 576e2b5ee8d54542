"""``sovgate mask`` with a deployment's policies and a tenant's recognizers."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from core.clock import SystemClock
from core.database import Database
from core.errors import SovgateError
from gateway.cli import app
from gateway.identity import load_pepper
from gateway.recognizers import RecognizerService, Sealer
from gateway.settings import load_settings
from gateway.tenants.service import TenantService
from guardrails.pii.custom import RecognizerSpec
from migrations.runner import upgrade

RUNNER = CliRunner()
TEXT = "badge AC-20417 of project Nightfall, greta@example.com"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployment")
    file = folder / "sovgate.yaml"
    project = {"name": "project", "entity": "PROJECT", "deny_list": {"values": ["Nightfall"]}}
    content = {
        "data_dir": str(folder / "data"),
        "database": {"url": f"sqlite+aiosqlite:///{folder}/data/sovgate.db"},
        "policies": {
            "default": {"pii": {"recognizers": [project], "modes": {"PROJECT": "redact"}}},
            "quiet": {"pii": {"entities": ["PERSON"], "allow_list": ["AC-20417"]}},
            "wrong": {"pii": {"recognizers": [{**project, "deny_list": {"values": ["the"]}}]}},
        },
    }
    file.write_text(yaml.safe_dump(content))
    asyncio.run(_store(file))
    return file


async def _store(file: Path) -> None:
    settings = load_settings(file)
    settings.data_dir.mkdir(mode=0o700)
    database, clock = Database(settings.database.url), SystemClock()
    badge = {"name": "badge", "entity": "BADGE_ID", "patterns": [{"regex": r"\bAC-\d{5}\b"}]}
    try:
        await upgrade(database)
        async with database.transaction() as session:
            tenants = TenantService(session, clock, settings.policies)
            await tenants.create_tenant("acme", policy="default")
            rows = RecognizerService(session, "acme", clock, Sealer(load_pepper(settings)))
            await rows.create(RecognizerSpec.model_validate(badge))
    finally:
        await database.dispose()


def mask(*options: str) -> dict[str, Any]:
    result = RUNNER.invoke(app, ["mask", TEXT, "--json", *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_policy_with_its_modes(config: Path) -> None:
    answer = mask("--config", str(config))
    assert answer["masked"] == "badge AC-20417 of project [PROJECT], [EMAIL_ADDRESS_1]"
    project = answer["findings"][0]
    assert (project["mode"], project["replacement"]) == ("redact", "[PROJECT]")
    assert (project["detector"], project["reason"]) == ("custom:project@policy", "deny list")


def test_a_tenants_own_recognizers(config: Path) -> None:
    answer = mask("--config", str(config), "--tenant", "acme")
    assert answer["masked"] == "badge [BADGE_ID_1] of project [PROJECT], [EMAIL_ADDRESS_1]"
    assert answer["languages"] == ["en"]


def test_another_policy_for_the_tenant(config: Path) -> None:
    answer = mask("--config", str(config), "--tenant", "acme", "--policy", "quiet")
    assert answer["masked"] == TEXT


@pytest.mark.parametrize(("policy", "message"), [("none", "no policy"), ("wrong", "deny_list")])
def test_a_policy_that_is_not_there_or_cannot_run(policy: str, message: str, config: Path) -> None:
    with pytest.raises(SovgateError, match=message):
        RUNNER.invoke(
            app,
            ["mask", TEXT, "--config", str(config), "--policy", policy],
            catch_exceptions=False,
        )


def test_a_tenant_that_is_not_there(config: Path) -> None:
    result = RUNNER.invoke(app, ["mask", TEXT, "--config", str(config), "--tenant", "nobody"])
    assert result.exit_code == 1
    assert "[not_found]" in result.stderr
