"""``sovgate billing`` and ``sovgate report``: read, correct, re-rate, compare, reconcile."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from sqlalchemy import select, text
from typer.testing import CliRunner, Result

from billing import LedgerSink, PriceBook, Reservation, Settlement, Usage
from core.clock import ManualClock
from core.database import Database
from core.errors import SovgateError
from gateway.audit.models import AuditRecord
from gateway.cli import app
from gateway.tenants.service import TenantService

_AT = datetime(2026, 11, 3, 10, 30, tzinfo=UTC)
_SPAN = ("--from", "2026-11-01", "--to", "2026-12-01")


def _price(model: str, amounts: str) -> dict[str, Any]:
    own, out = amounts.split()
    return {"model": model, "effective_from": "2026-01-01", "input": own, "output": out}


_OLD = PriceBook.from_settings([_price("flash", "0.15 0.60"), _price("pro", "0.66 1.98")])


class Deployment:
    """A configuration file with today's prices, and commands with it."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.config = folder / "sovgate.yaml"
        self.database_url = database_url
        upstream = {"name": "pool", "kind": "pool", "zone": "onprem", "workers": ["http://a"]}
        content = {
            "database": {"url": database_url},
            "data_dir": str(folder),
            "upstreams": [{**upstream, "models": ["flash", "pro"]}],
            "tiers": {
                "flash": {"upstream": "pool", "model": "flash"},
                "think-max": {"upstream": "pool", "model": "pro", "thinking": True},
            },
            "prices": [
                _price("flash", "0.30 0.60"),
                _price("pro", "0.66 1.98"),
                _price("gpt-5.5", "5 30"),
            ],
        }
        self.config.write_text(yaml.safe_dump(content))

    def run(self, *arguments: str, say: str = "") -> Result:
        command = [*arguments, "--config", str(self.config)]
        return CliRunner().invoke(app, command, input=say)

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, (result.output, result.exception)
        return json.loads(result.stdout)

    async def use(self) -> None:
        """flash 10**6 in and 10**5 out (chat); pro that thinks 4 tokens a token (math)."""
        database, clock = Database(self.database_url), ManualClock(_AT)
        try:
            async with database.transaction() as session:
                tenants = TenantService(session, clock, frozenset({"default"}))
                await tenants.create_tenant("acme")
                bodies = [one.to_json() for one in _settlements()]
                await LedgerSink(clock).apply(session, bodies)
        finally:
            await database.dispose()

    def execute(self, statement: str) -> None:
        async def run() -> None:
            database = Database(self.database_url)
            async with database.transaction() as session:
                await session.execute(text(statement))
            await database.dispose()

        asyncio.run(run())

    def actions(self) -> list[str]:
        async def run() -> list[str]:
            database = Database(self.database_url)
            async with database.session() as session:
                bodies = list(await session.scalars(select(AuditRecord.body)))
            await database.dispose()
            return [json.loads(body)["action"] for body in bodies]

        return asyncio.run(run())


def _settlements() -> Iterator[Settlement]:
    chat = Usage(input_tokens=10**6, output_tokens=10**5)
    math = Usage(input_tokens=100_000, output_tokens=10_000, reasoning_tokens=40_000)
    for number, (model, trend, tier, usage) in enumerate(
        [("flash", "chat", "flash", chat), ("pro", "math", "think-max", math)]
    ):
        reservation = Reservation(
            request_id=f"req_{number}",
            tenant="acme",
            project_id="prj_1",
            key_id="key_1",
            amount=Decimal(0),
            at=_AT + timedelta(hours=number),
        )
        yield Settlement.settle(
            reservation,
            usage=usage,
            breakdown=_OLD.price(model, reservation.at, usage),
            model=model,
            trend=trend,
            tier=tier,
            upstream="pool",
            zone="onprem",
        )


@pytest.fixture
def deployment(tmp_path: Path, database_url: str) -> Deployment:
    made = Deployment(tmp_path, database_url)
    asyncio.run(made.use())
    return made


def test_usage_by_any_groups_with_filters(deployment: Deployment) -> None:
    body = deployment.json(
        "report", "usage", "--tenant", "acme", *_SPAN, "--group-by", "trend,hour"
    )
    assert [(row["trend"], row["hour"], row["cost"]) for row in body["rows"]] == [
        ("chat", "2026-11-03T10:00:00Z", "0.21"),
        ("math", "2026-11-03T11:00:00Z", "0.165"),
    ]
    body = deployment.json("report", "usage", *_SPAN, "--only", "model=pro")
    assert [(row["tenant"], row["requests"]) for row in body["rows"]] == [("acme", 1)]
    shown = deployment.run(
        "report", "usage", "--tenant", "acme", *_SPAN, "--group-by", "token_class"
    )
    assert "reasoning" in shown.stdout
    assert "guard_tokens" not in shown.stdout  # nothing in it
    file = deployment.folder / "usage.csv"
    assert deployment.run("report", "usage", *_SPAN, "--out", str(file)).exit_code == 0
    assert file.read_text().startswith("tenant,requests")


def test_savings_and_the_claim(deployment: Deployment) -> None:
    """0.375 against 5 + 3 and 0.5 + 0.3 + 1.2."""
    command = ("report", "savings", "--tenant", "acme", "--baseline", "gpt-5.5", *_SPAN)
    body = deployment.json(*command)
    assert (body["total"]["cost"], body["total"]["baseline"]) == ("0.375", "10")
    assert body["claim"]["verdict"].startswith("26.67 times cheaper than gpt-5.5")
    missing = deployment.run(*command, "--always-think", "think-max")
    assert isinstance(missing.exception, SovgateError)
    thinking = deployment.run(*command, "--always-think", "think-max", "--reasoning-ratio", "2")
    assert thinking.exit_code == 0
    for text_ in ("assumed", "the claim of 6x holds", "hourly sums"):
        assert text_ in thinking.stdout


def test_re_rating_asks_before_it_writes(deployment: Deployment) -> None:
    """10**6 * 0.15/M more for flash; pro costs what it did."""
    command = ("billing", "rerate", "--tenant", "acme", *_SPAN)
    (dry,) = deployment.json(*command, "--dry-run")
    assert (dry["examined"], dry["difference"], dry["entries"]) == (2, "0.15", 0)
    refused = deployment.run(*command, say="n\n")
    assert refused.exit_code == 1
    assert deployment.json("billing", "entries", "--tenant", "acme", "--kind", "adjustment") == []
    written = deployment.run(*command, say="y\n")
    assert (written.exit_code, "1 entries written." in written.stdout) == (0, True)
    (entry,) = deployment.json("billing", "entries", "--tenant", "acme", "--kind", "adjustment")
    assert (entry["amount"], entry["reference"], entry["author"]) == ("0.15", "req_0", "cli")
    (again,) = deployment.json("billing", "rerate", "--all-tenants", *_SPAN, "--yes")
    assert (again["tenant"], again["lines"]) == ("acme", [])
    assert deployment.actions() == ["ledger.rerate"]
    assert deployment.run("billing", "check").exit_code == 0
    assert isinstance(deployment.run("billing", "rerate", *_SPAN).exception, SovgateError)


def test_a_correction_by_hand(deployment: Deployment) -> None:
    command = ("billing", "adjust", "--tenant", "acme", "--amount=-0.05", "--reason", "goodwill")
    row = deployment.json(*command, "--request", "req_1")
    assert (row["kind"], row["amount"], row["reference"]) == ("adjustment", "-0.05", "req_1")
    found = deployment.json("billing", "entries", "--tenant", "acme", "--request", "req_1")
    assert [entry["kind"] for entry in found] == ["adjustment", "settle"]
    assert deployment.actions() == ["ledger.adjust"]
    assert deployment.run(*command, "--request", "req_9").exit_code == 1
    nobody = ("billing", "adjust", "--tenant", "nobody", "--amount", "1", "--reason", "x")
    assert deployment.run(*nobody).exit_code == 1


def test_roll_ups_are_compared_and_rebuilt(deployment: Deployment) -> None:
    command = ("billing", "rollup", "--tenant", "acme")
    assert deployment.run(*command).exit_code == 0
    deployment.execute("UPDATE usage_rollups SET requests = 7 WHERE model = 'pro'")
    assert deployment.run(*command).exit_code == 1
    body = deployment.json(*command, "--rebuild")
    assert (body["right"], body["wrong"]) == (1, 1)
    assert deployment.run(*command).exit_code == 0
    assert deployment.run("billing", "check").exit_code == 0


def test_reconciliation_with_an_upstreams_statement(deployment: Deployment) -> None:
    """Nothing wrote these requests into the trail, so one proof differs."""
    statement = deployment.folder / "statement.csv"
    statement.write_text(
        "day,model,input,cached,output,cost\n2026-11-03,flash,999999,0,100000,0.2\n"
    )
    command = ("report", "reconciliation", "--tenant", "acme", "--month", "2026-11")
    result = deployment.run(*command, "--statement", str(statement), "--json")
    body = json.loads(result.stdout)
    assert (result.exit_code, body["ok"]) == (1, False)
    wrong = [proof["left_source"] for proof in body["proofs"] if not proof["equal"]]
    assert wrong == ["audit trail"]
    flash = body["statement"][0]
    assert (flash["input_difference"], flash["cost_difference"]) == (-1, "-0.01")
    shown = deployment.run(*command, "--statement", str(statement))
    assert "differs by -2" in shown.stdout
    book = deployment.folder / "sheet.xlsx"
    deployment.run(*command, "--out", str(book))
    assert "upstreams" in openpyxl.load_workbook(book).sheetnames
    missing = deployment.run(*command, "--statement", str(deployment.folder / "none.csv"))
    assert isinstance(missing.exception, SovgateError)
