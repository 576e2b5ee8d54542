"""``sovgate vault`` as a program runs it."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from core.clock import SystemClock
from core.database import Database
from gateway.audit.models import AuditRecord
from gateway.settings import load_settings
from gateway.vault import Vault, VaultOptions
from gateway.vault.cli import vault_app
from gateway.vault.startup import load_master

from .conftest import Replica, user

TEXT = "Greta Vogel, greta.vogel@example.com, Ann Oak"


class Command:
    """``sovgate vault`` with a configuration."""

    def __init__(self, config: Path) -> None:
        self.config = config

    def run(self, *arguments: str, said: str | None = None) -> Result:
        command = [*arguments, "--config", str(self.config)]
        return CliRunner().invoke(vault_app, command, input=said)

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def talk(self, *, tenant: str = "acme", ttl: timedelta = timedelta(days=7)) -> list[str]:
        """One turn of a conversation, served by a process of its own."""
        return asyncio.run(self._talk(tenant, ttl))

    async def _talk(self, tenant: str, ttl: timedelta) -> list[str]:
        settings = load_settings(self.config)
        database = Database(settings.database.url)
        options = VaultOptions(ttl=ttl)
        vault = Vault(database, SystemClock(), load_master(settings), options)
        await vault.start()
        try:
            return await Replica(vault).turn(user(TEXT), tenant=tenant)
        finally:
            await vault.stop()
            await database.dispose()

    def records(self) -> list[dict[str, Any]]:
        return asyncio.run(self._records())

    async def _records(self) -> list[dict[str, Any]]:
        database = Database(load_settings(self.config).database.url)
        async with database.session() as session:
            bodies = [json.loads(body) for body in await session.scalars(select(AuditRecord.body))]
        await database.dispose()
        return bodies


@pytest.fixture
def command(tmp_path: Path, database_url: str) -> Command:
    config = tmp_path / "sovgate.yaml"
    config.write_text(json.dumps({"database": {"url": database_url}, "data_dir": str(tmp_path)}))
    return Command(config)


def test_figures(command: Command) -> None:
    assert command.json("stats") == []
    command.talk()
    figures = command.json("stats")
    assert figures == [
        {
            "tenant": "acme",
            "conversations": 1,
            "messages": 1,
            "subjects": 3,
            "entries": 3,
            "expired_conversations": 0,
        }
    ]


def test_erasing_a_value_read_from_standard_input(command: Command) -> None:
    command.talk()
    result = command.run(
        "erase", "--tenant", "acme", "--value", "-", "--aliases", said="greta vogel\n"
    )
    assert result.exit_code == 0
    assert result.output.startswith("Erased 2 entries.\nErased: EMAIL_ADDRESS EMAIL_ADDRESS_1 of")
    assert "greta" not in result.output.lower()
    assert command.json("stats")[0]["entries"] == 1
    record = command.records()[-1]
    assert (record["action"], record["actor"]) == ("vault.erase", "cli")
    assert record["target"].startswith("subject:")
    assert "greta" not in json.dumps(record).lower()
    assert command.talk() == ["[PERSON_1], [EMAIL_ADDRESS_1], [PERSON_2]"]


def test_erasing_one_tenant_leaves_the_other(command: Command) -> None:
    command.talk()
    command.talk(tenant="globex")
    key = (command.config.parent / "vault-master-key").read_text()
    assert command.json("erase", "--tenant", "acme", "--all")["entries"] == 3
    assert (command.config.parent / "vault-master-key").read_text() != key
    assert [row["tenant"] for row in command.json("stats")] == ["globex"]
    row = command.json("erase", "--tenant", "globex", "--value", "Ann Oak")
    assert (row["found"], row["entries"]) == (True, 1)


def test_what_is_not_there_changes_no_key(command: Command) -> None:
    command.talk()
    key = (command.config.parent / "vault-master-key").read_text()
    row = command.json("erase", "--tenant", "acme", "--value", "Nobody")
    assert (row["found"], row["master_key_changed"]) == (False, False)
    assert (command.config.parent / "vault-master-key").read_text() == key
    assert command.records() == []


def test_a_key_from_the_environment_must_be_changed_there(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.loads(command.config.read_text())
    content["vault"] = {"master_key_env": "SOV_VAULT_KEY"}
    command.config.write_text(json.dumps(content))
    monkeypatch.setenv("SOV_VAULT_KEY", "5a" * 32)
    command.talk()
    result = command.run("erase", "--tenant", "acme", "--value", "Ann Oak")
    assert "change it there" in result.output


def test_purging(command: Command) -> None:
    command.talk(ttl=timedelta(seconds=0))
    assert command.json("stats")[0]["expired_conversations"] == 1
    assert command.json("purge") == {"conversations": 1}
    assert command.json("purge") == {"conversations": 0}
    assert command.json("stats")[0]["entries"] == 0
    assert [record["action"] for record in command.records()] == ["vault.purge"]


@pytest.mark.parametrize("arguments", [(), ("--value", "x", "--all")])
def test_what_to_erase_must_be_said(command: Command, arguments: tuple[str, ...]) -> None:
    result = command.run("erase", "--tenant", "acme", *arguments)
    assert result.exit_code == 2
    assert "--value VALUE or --all" in result.output
