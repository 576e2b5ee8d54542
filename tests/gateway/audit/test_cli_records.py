import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from core.database import Database
from gateway.audit import AuditChain, Entry, append_admin
from gateway.audit.showing import describe
from gateway.cli.main import app


@pytest.fixture
async def config(database: Database, database_url: str, chain: AuditChain, tmp_path: Path) -> Path:
    """A deployment with records of acme: requests from two zones, and an admin action."""
    entries = [
        Entry(
            "acme",
            f"req_{number}",
            "request",
            {"outcome": "completed", "upstream": "pool", "zone": "eu" if number % 3 else "us"},
        )
        for number in range(10)
    ]
    async with database.transaction() as session:
        await chain.append(session, entries)
        await append_admin(
            session,
            tenant="acme",
            actor="usr_1",
            method="session",
            action="budget.update",
            target="bud_1",
            after={"limit_usd": "10.5", "hard": True},
        )
    await database.engine.dispose()
    file = tmp_path / "sovgate.yaml"
    data = str(tmp_path / "data")
    file.write_text(json.dumps({"data_dir": data, "database": {"url": database_url}}))
    return file


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["audit", *(str(part) for part in arguments)], input=stdin)


def test_records_are_listed_by_filter(config: Path) -> None:
    listing = ("list", "--tenant", "acme", "--config", config)
    lines = run(*listing).stdout.splitlines()
    assert lines[0].split() == ["seq", "time", "id", "what", "who", "where"]
    assert len(lines) == 12
    assert lines[1].split()[-3:] == ["budget.update", "usr_1", "bud_1"]
    abroad = run(*listing, "--filter", "zone=us", "--json").stdout.splitlines()
    assert [json.loads(line)["request_id"] for line in abroad] == [
        "req_9", "req_6", "req_3", "req_0"
    ]  # fmt: skip
    assert json.loads(abroad[0])["hash"]
    newest = run(*listing, "--filter", "kind=request", "--limit", "2", "--json").stdout
    assert [json.loads(line)["seq"] for line in newest.splitlines()] == [10, 9]
    assert run(*listing, "--from", "2027-01-01", "--json").stdout == ""


@pytest.mark.parametrize("text", ["zone", "colour=red", "zone=", "start=2026-11-01"])
def test_what_is_no_filter_is_refused(config: Path, text: str) -> None:
    result = run("list", "--tenant", "acme", "--config", config, "--filter", text)
    assert result.exit_code == 2
    assert "filter" in result.stderr.lower()


def test_a_digest_is_made_again_from_the_object(config: Path, tmp_path: Path) -> None:
    listing = ("list", "--tenant", "acme", "--config", config, "--json")
    (record,) = run(*listing, "--filter", "action=budget.update").stdout.splitlines()
    # As an API answers: other order, white space.
    text = '{"hard": true,\n "limit_usd": "10.5"}'
    assert run("digest", stdin=text).stdout.strip() == json.loads(record)["after"]
    file = tmp_path / "object.json"
    file.write_text(text)
    assert run("digest", file).stdout == run("digest", stdin=text).stdout
    assert run("digest", stdin="null").stdout.strip() == "null"
    for wrong in ("{", '{"a": 1.5}', ""):
        assert run("digest", stdin=wrong).exit_code == 2


def test_a_record_is_shown_by_its_id(config: Path) -> None:
    shown = run("show", "req_4", "--config", config)
    assert shown.exit_code == 0, shown.output
    lines = dict(line.split(maxsplit=1) for line in shown.stdout.splitlines())
    assert (lines["tenant"], lines["request_id"], lines["zone"]) == ("acme", "req_4", "eu")
    found = json.loads(run("show", "req_4", "--config", config, "--json").stdout)
    assert (found["tenant"], found["record"]["seq"], found["ledger"]) == ("acme", 5, [])
    by_number = run("show", "5", "--tenant", "acme", "--config", config, "--json").stdout
    assert json.loads(by_number) == found


@pytest.mark.parametrize("arguments", [("req_nobody",), ("req_4", "--tenant", "globex"), ("5",)])
def test_what_is_not_there_is_not_shown(config: Path, arguments: tuple[str, ...]) -> None:
    result = run("show", *arguments, "--config", config)
    assert result.exit_code == 2
    assert "no such record" in result.stderr


def test_a_request_in_words() -> None:
    record = {
        "request_id": "req_1",
        "outcome": "completed",
        "cost": "0.002",
        "route": {"requested_model": "auto", "tier": "flash", "attempts": 0},
        "cache": {"kind": "exact", "request_id": "req_0"},
        "detectors": [
            {"name": "pii", "direction": "input", "verdict": "found", "action": "mask"},
        ],
        "latency": {"total_us": 4000, "admit_us": 1000, "upstream_us": 2000},
        "hash": "ab",
    }
    entry = {"kind": "settle", "amount": "0.002", "currency": "USD", "debit": "a", "credit": "b"}
    lines = list(describe({"tenant": "acme", "record": record, "ledger": [entry]}))
    assert "route          requested_model=auto, tier=flash" in lines
    assert "cache          kind=exact, request_id=req_0" in lines
    assert "guard          pii input: found, mask" in lines
    assert "ledger         settle 0.002 USD a <- b" in lines
    (bar,) = [line for line in lines if line.startswith("  upstream")]
    assert bar == f"  upstream       |{' ' * 10}{'=' * 20}{' ' * 10}| 2.0 ms"
