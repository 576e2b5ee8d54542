"""``--reason``: on every command that changes something, masked, and demanded by a setting."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.main import get_command
from typer.testing import CliRunner, Result

from core.database import Database
from gateway.audit.models import AuditRecord
from gateway.audit.reasons import of_command
from gateway.cli.main import app

READING = {"list", "show", "explain", "stats", "check", "entries", "diff", "raises", "alerts"}
READING |= {"usage", "billing", "savings", "reconciliation", "removals"}
# Of the deployment's files, not of what it holds; and what an auditor takes away.
OTHERS = {
    ("demo",),
    ("serve",),
    ("mask",),
    ("route",),
    ("plan",),
    ("eval",),
    ("db", "upgrade"),
    ("invoice", "export"),
    *(("worker", name) for name in ("serve", "doctor")),
    *(("model", name) for name in ("convert", "verify", "sign", "bench")),
    *(
        ("audit", name)
        for name in (
            "export",
            "verify",
            "report",
            "check-report",
            "digest",
            "prove",
            "checkpoints",
            "anchors",
            "witness",
        )
    ),
}


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if hasattr(command, "list_commands"):
        for name in command.list_commands(None):
            yield from _commands(command.get_command(None, name), (*path, name))
    else:
        yield path, command


def test_every_changing_command_takes_a_reason() -> None:
    commands = dict(_commands(get_command(app)))
    assert len(commands) > 60
    without = {
        path
        for path, command in commands.items()
        if "reason" not in {parameter.name for parameter in command.params}
    }
    assert {path for path in without - OTHERS if path[-1] not in READING} == set()


def test_the_list_of_commands_says_what_their_own_help_says() -> None:
    group: Any = get_command(app)
    listed = CliRunner().invoke(app, ["--help"])
    assert listed.exit_code == 0
    told = " ".join(listed.stdout.replace("│", " ").split())  # lines are wrapped
    for name in group.list_commands(None):
        first = (group.get_command(None, name).help or "").strip().splitlines()[0]
        assert f" {name} {first} " in told


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Path:
    """A deployment that demands reasons."""
    file = tmp_path / "sovgate.yaml"
    content = {
        "data_dir": str(tmp_path / "data"),
        "database": {"url": database_url},
        "audit": {"require_reason": True},
    }
    file.write_text(json.dumps(content))
    return file


def _run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--config", str(config)])


def _records(database_url: str) -> list[dict[str, Any]]:
    async def read() -> list[str]:
        database = Database(database_url)
        try:
            async with database.session() as session:
                query = select(AuditRecord.body).order_by(AuditRecord.time, AuditRecord.seq)
                return list(await session.scalars(query))
        finally:
            await database.dispose()

    return [json.loads(body) for body in asyncio.run(read())]


def test_a_reason_is_demanded_and_masked(config: Path, database_url: str) -> None:
    create = ("tenant", "create", "acme")
    refused = _run(config, *create)
    assert refused.exit_code == 1
    assert "reason_required" in refused.stderr
    assert json.loads(_run(config, "tenant", "list", "--json").stdout) == []
    assert _run(config, *create, "--reason", "asked by greta@example.com").exit_code == 0
    job = ("job", "run", "retention", "--queue")
    result = _run(config, *job)
    assert getattr(result.exception, "code", None) == "reason_required"
    assert _run(config, *job, "--reason", "ticket 4711").exit_code == 0
    assert [(r["action"], r["method"], r["reason"]) for r in _records(database_url)] == [
        ("tenant.create", "cli", "asked by [EMAIL_ADDRESS]"),
        ("job.start", "cli", "ticket 4711"),
    ]


def test_names_of_people_are_masked_by_the_detectors_of_the_product() -> None:
    text = "for Ottilie Quast,\n tel. +49 40 12345678"
    masked = of_command(text, required=True)
    assert masked is not None
    assert "Ottilie" not in masked
    assert "12345678" not in masked
    assert of_command(None, required=False) is None
    assert of_command("  \n", required=False) is None
