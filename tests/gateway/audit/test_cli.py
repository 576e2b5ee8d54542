import json
import os
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from core.database import Database
from gateway.audit import AuditChain, Entry
from gateway.audit.cli import audit_app
from gateway.audit.keys import KEY_FILE, PUBLIC_KEY_FILE
from gateway.audit.models import AuditRecord


@pytest.fixture
async def config(
    audit_database: Database, database_url: str, chain: AuditChain, tmp_path: Path
) -> Path:
    """A deployment with ten records of acme."""
    data = tmp_path / "data"
    data.mkdir()
    (data / KEY_FILE).write_bytes((tmp_path / "keys" / KEY_FILE).read_bytes())
    (data / KEY_FILE).chmod(0o600)
    (data / PUBLIC_KEY_FILE).write_bytes((tmp_path / "keys" / PUBLIC_KEY_FILE).read_bytes())
    entries = [Entry("acme", f"req_{n}", "request", {"upstream": None}) for n in range(10)]
    async with audit_database.transaction() as session:
        await chain.append(session, entries)
    async with audit_database.transaction() as session:
        await chain.checkpoint(session, "acme")
    await audit_database.engine.dispose()
    file = tmp_path / "sovgate.yaml"
    file.write_text(json.dumps({"data_dir": str(data), "database": {"url": database_url}}))
    return file


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(audit_app, [os.fspath(argument) for argument in arguments])


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_an_export_verifies_and_a_changed_one_does_not(
    config: Path, tmp_path: Path, kind: str
) -> None:
    arguments = ("export", "--tenant", "acme", "--format", kind, "--config", config)
    out = tmp_path / f"audit.{kind}"
    assert run(*arguments, "--out", out).exit_code == 0
    assert list(tmp_path.glob("*.part")) == []
    printed = run(*arguments)
    assert printed.exit_code == 0
    assert "10 records" in printed.stderr

    assert run("verify", out).exit_code == 0
    key = tmp_path / "data" / PUBLIC_KEY_FILE
    verified = run("verify", out, "--public-key", key)
    assert verified.exit_code == 0
    assert verified.stdout.startswith("OK: tenant acme, records 1 to 10 (10)")
    if kind == "parquet":
        return
    out.write_bytes(out.read_bytes().replace(b"req_4", b"req_5", 1))
    failed = run("verify", out)
    assert failed.exit_code == 1
    assert failed.stdout.startswith("FAILED: tenant acme, edited record seq 5")
    report = json.loads(run("verify", out, "--json").stdout)
    assert report["ok"] is False
    assert report["reports"][0]["findings"][0]["seq"] == 5


def test_standard_output_holds_nothing_but_records(config: Path) -> None:
    result = run("export", "--tenant", "acme", "--config", config)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["seq"] for record in records] == list(range(1, 11))


def test_days_are_whole_and_in_utc(config: Path) -> None:
    def seqs(*options: str) -> int:
        result = run("export", "--tenant", "acme", "--config", config, *options)
        assert result.exit_code == 0, result.stderr
        return len(result.stdout.splitlines())

    assert seqs("--from", "2026-11-21", "--to", "2026-11-21") == 10
    assert seqs("--to", "2026-11-20") == 0
    assert seqs("--from", "2026-11-22") == 0
    assert seqs("--from", "2026-11-21T12:00:00Z", "--to", "2026-11-21T12:00:01Z") == 10
    assert seqs("--from", "2026-11-21T13:00:00+01:00") == 10
    assert seqs("--to", "2026-11-21T12:00:00Z") == 0


def test_the_database_is_verified_with_the_deployments_key(config: Path) -> None:
    result = run("verify", "--config", config)
    assert result.exit_code == 0
    assert "signed by the given key" in result.stdout


async def tamper(url: str) -> None:
    database = Database(url)
    async with database.transaction() as session:
        await session.execute(update(AuditRecord).where(AuditRecord.seq == 3).values(body="{}"))
    await database.dispose()


def test_a_tampered_database_fails_both_commands(config: Path, database_url: str) -> None:
    import asyncio

    asyncio.run(tamper(database_url))
    verified = run("verify", "--config", config)
    assert verified.exit_code == 1
    assert "edited record seq 3 (req_2)" in verified.stdout
    exported = run("export", "--tenant", "acme", "--config", config)
    assert exported.exit_code == 1
    assert "not signed" in exported.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("export",),
        ("export", "--tenant", "acme", "--config", "missing.yaml"),
        ("export", "--tenant", "acme", "--from", "yesterday"),
        ("export", "--tenant", "acme", "--format", "xml"),
        ("verify", "missing.jsonl"),
        ("verify", "--config", "missing.yaml"),
        ("verify", "missing.jsonl", "--public-key", "missing.pem"),
    ],
)
def test_wrong_usage_is_status_2_with_a_sentence(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr
    assert "Traceback" not in result.stderr


def test_a_database_without_tables_says_what_to_do(tmp_path: Path) -> None:
    config = tmp_path / "sovgate.yaml"
    url = f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
    config.write_text(json.dumps({"data_dir": str(tmp_path), "database": {"url": url}}))
    result = run("verify", "--config", config)
    assert result.exit_code == 2
    assert "db upgrade" in result.stderr
