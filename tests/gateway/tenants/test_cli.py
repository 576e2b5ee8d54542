"""The commands as a program runs them: exit status, output, what stands in the database."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer import Typer
from typer.testing import CliRunner, Result

from core.clock import SystemClock
from core.database import Database
from gateway.audit.models import AuditRecord
from gateway.identity import load_pepper
from gateway.pseudonyms import end_user_pseudonym
from gateway.settings import load_settings
from gateway.tenants.cache import KeyCache
from gateway.tenants.cli import (
    budget_app,
    key_app,
    organisation_app,
    project_app,
    tenant_app,
    user_app,
)
from gateway.tenants.keys import Principal


class Sovgate:
    """Runs commands against one deployment."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self._app = Typer()
        for name, app in {
            "organisation": organisation_app,
            "tenant": tenant_app,
            "project": project_app,
            "key": key_app,
            "user": user_app,
            "budget": budget_app,
        }.items():
            self._app.add_typer(app, name=name)

    def run(self, *arguments: str, **environ: str) -> Result:
        command = [*arguments, "--config", str(self.config)]
        return CliRunner().invoke(self._app, command, env=environ)

    def json(self, *arguments: str, **environ: str) -> Any:
        result = self.run(*arguments, "--json", **environ)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def sovgate(tmp_path: Path, database_url: str) -> Sovgate:
    config = tmp_path / "sovgate.yaml"
    hook = {"url": "https://hooks.example.com/", "secret_env": "HOOK_SECRET"}
    content = {
        "database": {"url": database_url},
        "data_dir": str(tmp_path),
        "alerts": {"webhooks": {"finance": hook}},
    }
    config.write_text(json.dumps(content))
    return Sovgate(config)


async def _principal(sovgate: Sovgate, api_key: str) -> Principal:
    settings = load_settings(sovgate.config)
    database = Database(settings.database.url)
    try:
        return await KeyCache(database, load_pepper(settings), SystemClock()).principal(api_key)
    finally:
        await database.dispose()


async def _actions(sovgate: Sovgate) -> list[tuple[str, str, str]]:
    database = Database(load_settings(sovgate.config).database.url)
    async with database.session() as session:
        bodies = [json.loads(b) for b in await session.scalars(select(AuditRecord.body))]
    await database.dispose()
    return [(body["action"], body["actor"], body["method"]) for body in bodies]


def test_a_tenant_from_creation_to_a_key_that_works(sovgate: Sovgate) -> None:
    tenant = sovgate.json("tenant", "create", "acme", "--rpm", "60")
    assert (tenant["name"], tenant["limits"]["rpm"]) == ("acme", 60)
    project = sovgate.json("project", "create", "support", "--tenant", "acme")
    key = sovgate.json("key", "create", "bot", "--tenant", "acme", "--project", project["id"])
    principal = asyncio.run(_principal(sovgate, key["api_key"]))
    assert (principal.tenant, principal.project_id) == ("acme", project["id"])
    assert [one["name"] for one in sovgate.json("tenant", "list")] == ["acme"]
    assert len(sovgate.json("project", "list", "--tenant", "acme")) == 2
    listed = sovgate.json("key", "list", "--tenant", "acme")
    assert key["api_key"] not in json.dumps(listed)
    revoked = sovgate.json("key", "revoke", key["id"], "--tenant", "acme", "--reason", "lost")
    assert revoked["revoked_at"]
    assert sovgate.json("tenant", "suspend", "acme")["status"] == "suspended"
    assert sovgate.json("tenant", "activate", "acme")["status"] == "active"
    actions = [action for action, *_ in asyncio.run(_actions(sovgate))]
    assert actions == [
        "tenant.create",
        "project.create",
        "key.create",
        "key.revoke",
        "tenant.update",
        "tenant.update",
    ]
    assert set(asyncio.run(_actions(sovgate))) >= {("key.revoke", "cli", "cli")}


def test_budgets_and_accounts(sovgate: Sovgate) -> None:
    sovgate.json("tenant", "create", "acme")
    budget = sovgate.json("budget", "create", "--tenant", "acme", "--limit", "10.00", "--soft")
    assert (budget["limit"], budget["hard"], budget["scope"]) == ("10", False, "tenant")
    assert sovgate.json("budget", "list", "--tenant", "acme") == [budget]
    user = sovgate.json(
        *("user", "create", "a@example.com", "--role", "auditor", "--tenant", "acme"),
        *("--password-env", "PASS"),
        PASS="a long pass phrase",
    )
    assert user["roles"] == [{"role": "auditor", "tenant": "acme"}]
    assert sovgate.json("user", "list") == [user]
    assert "auditor@acme" in sovgate.run("user", "list").stdout


def test_an_organisation_its_tenants_and_its_budget(sovgate: Sovgate) -> None:
    assert sovgate.json("organisation", "create", "group")["display_name"] == "group"
    acme = sovgate.json("tenant", "create", "acme", "--organisation", "group")
    assert acme["organisation"] == "group"
    key = sovgate.json("key", "create", "bot", "--tenant", "acme")
    assert asyncio.run(_principal(sovgate, key["api_key"])).organisation == "group"
    budget = sovgate.json("budget", "create", "--organisation", "group", "--limit", "100")
    assert (budget["tenant"], budget["scope"], budget["scope_id"]) == (
        "@group",
        "organisation",
        "group",
    )
    assert sovgate.json("budget", "list", "--organisation", "group") == [budget]
    assert sovgate.json("budget", "list", "--tenant", "acme") == []
    moved = sovgate.json("tenant", "change", "acme", "--organisation", "")
    assert moved["organisation"] is None
    assert [one["name"] for one in sovgate.json("organisation", "list")] == ["group"]
    assert set(asyncio.run(_actions(sovgate))) >= {
        ("organisation.create", "cli", "cli"),
        ("budget.create", "cli", "cli"),
        ("tenant.update", "cli", "cli"),
    }


def test_raises_of_a_budget(sovgate: Sovgate) -> None:
    sovgate.json("tenant", "create", "acme")
    of_acme = ("--tenant", "acme")
    budget = sovgate.json("budget", "create", *of_acme, "--limit", "10")["id"]
    given = sovgate.json(
        *("budget", "raise", budget, *of_acme, "--amount", "5"),
        *("--hours", "2", "--reason", "month end"),
    )
    assert (given["amount"], given["author"], given["reason"]) == ("5", "cli", "month end")
    later = sovgate.json(
        *("budget", "raise", budget, *of_acme, "--amount", "1"),
        *("--until", "2099-01-01T00:00:00Z"),
    )
    (status,) = sovgate.json("budget", "list", *of_acme)
    assert (status["limit"], status["raised"], status["remaining"]) == ("10", "6", "16")
    assert sovgate.json("budget", "revoke", budget, given["id"], *of_acme)["status"] == "revoked"
    listed = sovgate.json("budget", "raises", budget, *of_acme)
    assert [(one["id"], one["status"]) for one in listed] == [
        (later["id"], "active"),
        (given["id"], "revoked"),
    ]
    assert set(asyncio.run(_actions(sovgate))) >= {
        ("budget.raise", "cli", "cli"),
        ("budget.revoke", "cli", "cli"),
    }


def test_budgets_of_end_users_and_alerts(sovgate: Sovgate) -> None:
    sovgate.json("tenant", "create", "acme")
    common = ("budget", "create", "--tenant", "acme", "--limit", "1")
    budget = sovgate.json(*common, "--end-user", "greta@example.com")
    pepper = load_pepper(load_settings(sovgate.config))
    assert budget["scope_id"] == end_user_pseudonym(pepper, "acme", "greta@example.com")
    each = sovgate.json(*common, "--each-end-user", "--alert", "100", "--alert", "50")
    assert (each["scope_id"], each["alerts"]["thresholds"]) == ("*", [50, 100])
    changed = sovgate.json(
        *("budget", "change", each["id"], "--tenant", "acme", "--limit", "2", "--soft"),
        *("--alert", "80", "--webhook", "finance", "--email", "cfo@example.com"),
    )
    assert (changed["limit"], changed["hard"]) == ("2", False)
    assert changed["alerts"] == {
        "thresholds": [80],
        "webhooks": ["finance"],
        "emails": ["cfo@example.com"],
    }
    ended = sovgate.json("budget", "change", each["id"], "--tenant", "acme", "--no-alerts")
    assert ended["alerts"]["thresholds"] == []
    assert sovgate.json("budget", "alerts", "--tenant", "acme") == []


def test_without_json_a_key_is_printed_alone(sovgate: Sovgate) -> None:
    sovgate.json("tenant", "create", "acme")
    output = sovgate.run("key", "create", "bot", "--tenant", "acme").stdout
    assert output.startswith("sov-")
    assert len(output.split()) == 1


def test_mistakes_end_with_status_1_and_a_sentence(sovgate: Sovgate) -> None:
    sovgate.json("tenant", "create", "acme")
    mistakes = [
        ("tenant", "create", "acme"),
        ("tenant", "create", "Acme!"),
        ("tenant", "create", "globex", "--policy", "no-such"),
        ("tenant", "suspend", "no-such"),
        ("project", "list", "--tenant", "no-such"),
        ("key", "create", "bot", "--tenant", "no-such"),
        ("key", "revoke", "key_none", "--tenant", "acme"),
        ("budget", "create", "--tenant", "acme", "--limit", "ten"),
        ("budget", "create", "--tenant", "acme", "--limit", "1", "--project", "prj_none"),
        ("budget", "create", "--limit", "1"),
        ("budget", "create", "--organisation", "no-such", "--limit", "1"),
        ("budget", "create", "--tenant", "acme", "--limit", "1", "--key", "k", "--end-user", "u"),
        (*("budget", "create", "--tenant", "acme", "--limit", "1"), "--webhook", "finance"),
        (
            *("budget", "create", "--tenant", "acme", "--limit", "1"),
            *("--alert", "50", "--webhook", "no-such"),
        ),
        ("budget", "change", "bud_none", "--tenant", "acme", "--limit", "1"),
        ("budget", "raise", "bud_none", "--tenant", "acme", "--amount", "1", "--hours", "1"),
        ("budget", "raise", "bud_none", "--tenant", "acme", "--amount", "1", "--until", "soon"),
        ("budget", "revoke", "bud_none", "rai_none", "--tenant", "acme"),
        ("organisation", "create", "Group!"),
        ("tenant", "create", "globex", "--organisation", "no-such"),
        ("tenant", "change", "acme", "--organisation", "no-such"),
        ("user", "create", "a@example.com", "--password-env", "NOT_SET"),
        ("user", "create", "no-address", "--password-env", "SHORT"),
    ]
    for arguments in mistakes:
        result = sovgate.run(*arguments, SHORT="short")
        assert result.exit_code == 1, arguments
        assert result.stdout == ""
        assert result.stderr.startswith("sovgate: ")
        assert "Traceback" not in result.stderr
    assert [action for action, *_ in asyncio.run(_actions(sovgate))] == ["tenant.create"]
