"""``sovgate audit body | hold | erase | removals`` and ``report`` as a program runs them."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from core.clock import ManualClock, SystemClock
from core.database import Database
from gateway.cli.main import app
from gateway.identity import load_pepper
from gateway.pseudonyms import end_user_pseudonym
from gateway.settings import load_settings
from support.trail import Trail


class Command:
    """``sovgate`` with a configuration, and what its database is given."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.settings = load_settings(config)
        self.greta = end_user_pseudonym(load_pepper(self.settings), "acme", "greta")

    def run(self, *arguments: str, said: str | None = None) -> Result:
        return CliRunner().invoke(app, [*arguments, "--config", str(self.config)], input=said)

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def request(self, body: bytes = b'{"a":1}') -> str:
        return asyncio.run(self._request(body))

    async def _request(self, body: bytes) -> str:
        database = Database(self.settings.database.url)
        clock = ManualClock(SystemClock().now())
        trail = Trail.open(database, clock, self.settings.data_dir)
        (request_id,) = await trail.requests(user=self.greta, body=body)
        await trail.checkpoint()
        await database.dispose()
        return request_id


@pytest.fixture
def command(tmp_path: Path, database_url: str) -> Command:
    config = tmp_path / "sovgate.yaml"
    config.write_text(json.dumps({"database": {"url": database_url}, "data_dir": str(tmp_path)}))
    return Command(config)


ACME = ("--tenant", "acme")
REASON = ("--reason", "case 7")


def test_a_body_is_read_with_a_reason_and_a_record(command: Command) -> None:
    request_id = command.request()
    without = command.run("audit", "body", request_id, *ACME)
    assert (without.exit_code, "--reason" in without.output) == (2, True)
    (part,) = command.json("audit", "body", request_id, *ACME, *REASON)["parts"]
    assert (part["content"], part["intact"], part["state"]) == ({"a": 1}, True, "stored")
    text = command.run("audit", "body", request_id, *ACME, *REASON)
    assert text.output.startswith("# prompt\n{")
    listed = command.run("audit", "list", *ACME, "--filter", "action=audit.body.read", "--json")
    records = [json.loads(line) for line in listed.output.splitlines()]
    assert [record["reason"] for record in records] == ["case 7", "case 7"]
    assert records[0]["target"] == request_id


def test_the_life_of_a_hold(command: Command) -> None:
    request_id = command.request()
    made = command.json("audit", "hold", "create", *ACME, *REASON, "--user", "greta")
    assert made["end_user"] == command.greta
    (listed,) = command.json("audit", "hold", "list", *ACME)
    assert (listed["id"], listed["in_force"], listed["reason"]) == (made["id"], True, "case 7")
    assert "greta" not in json.dumps(listed)
    erase = ("audit", "erase", *ACME, "--user", "greta", *REASON)
    refused = command.run(*erase)
    assert (refused.exit_code, "legal_hold" in refused.output) == (1, True)
    refused = command.run("vault", "erase", *ACME, "--all")
    assert (refused.exit_code, "legal_hold" in refused.output) == (1, True)
    command.json("audit", "hold", "release", made["id"], *ACME, *REASON)
    twice = command.run("audit", "hold", "release", made["id"], *ACME, *REASON)
    assert (twice.exit_code, "hold_not_found" in twice.output) == (1, True)
    erased = command.json(*erase)
    assert (erased["bodies"], erased["master_key_changed"]) == (1, True)
    gone = command.run("audit", "body", request_id, *ACME, *REASON)
    assert (gone.exit_code, "body_gone" in gone.output) == (1, True)
    removals = command.json("audit", "removals", *ACME)
    assert removals["bodies"] == {"stored": 0, "expired": 0, "erased": 1, "lost": 0}
    assert [item["owner"] for item in removals["erasures"]] == [command.greta]
    assert command.greta in command.run("audit", "removals", *ACME).output
    assert command.run("audit", "verify").exit_code == 0


def test_holds_that_make_no_sense(command: Command) -> None:
    for options in (("--from", "2026-11-02", "--to", "2026-11-01"), ("--from", "yesterday")):
        made = command.run("audit", "hold", "create", *ACME, *REASON, *options)
        assert made.exit_code in (1, 2)
    assert command.json("audit", "hold", "list", *ACME) == []


def test_values_come_from_standard_input_and_go_nowhere(command: Command) -> None:
    command.request()
    result = command.run(
        "audit", "erase", *ACME, "--user", command.greta, *REASON, "--value", "-",
        said="Greta Vogel\ngreta.vogel@example.com\n",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Vogel" not in result.output
    assert result.output.startswith("Erased 1 bodies, 0 conversations and 0 values of eu_")


def test_a_report_is_written_and_checked(command: Command, tmp_path: Path) -> None:
    command.request()
    file = tmp_path / "evidence.json"
    span = ("--from", "2026-01-01", "--to", "2126-01-01")
    made = command.run("audit", "report", *ACME, *span, "--out", str(file))
    assert made.exit_code == 0, made.output
    check = CliRunner().invoke(app, ["audit", "check-report", str(file)])
    assert (check.exit_code, check.output.startswith("OK: evidence of tenant acme")) == (0, True)
    file.write_text(file.read_text().replace("acme", "acne"))
    check = CliRunner().invoke(app, ["audit", "check-report", str(file)])
    assert (check.exit_code, check.output.startswith("FAILED")) == (1, True)
    assert CliRunner().invoke(app, ["audit", "check-report", "nowhere"]).exit_code == 2
    assert command.run("audit", "report", *ACME, "--from", "2027-01-01", "--to", "2026-01-01"
                       ).exit_code == 2  # fmt: skip
