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
from gateway.settings import load_settings
from gateway.tenants.cache import KeyCache
from gateway.tenants.cli import budget_app, key_app, project_app, tenant_app, user_app
from gateway.tenants.keys import Principal


class Sovgate:
    """Runs commands against one deployment."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self._app = Typer()
        for name, app in {
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
    config.write_text(json.dumps({"database": {"url": database_url}, "data_dir": str(tmp_path)}))
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
