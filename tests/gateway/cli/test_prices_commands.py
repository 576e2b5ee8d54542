"""``sovgate prices``: what stands in the book, what an import would change, and what it stores."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select
from typer.testing import CliRunner, Result

from core.database import Database
from core.errors import SovgateError
from gateway.audit.models import AuditRecord
from gateway.cli import app

FLASH = {"model": "flash", "effective_from": "2026-01-01", "input": "0.15", "output": "0.60"}
# Dollars per token, as litellm writes them.
MAP = {
    "deepseek/pro": {
        "mode": "chat",
        "input_cost_per_token": 1.32e-06,
        "cache_read_input_token_cost": 4.4e-08,
        "output_cost_per_token": 3.96e-06,
        "input_cost_per_token_priority": 2e-06,
    },
    "painter": {"mode": "image_generation", "output_cost_per_image": 0.04},
    "flash": {"mode": "chat", "input_cost_per_token": 3e-07, "output_cost_per_token": 6e-07},
}


class Deployment:
    """A configuration file, and commands with it."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.config = folder / "sovgate.yaml"
        self.database_url = database_url
        self.configure()

    def configure(self, *prices: dict[str, Any]) -> None:
        upstream = {"name": "pool", "kind": "pool", "zone": "onprem", "workers": ["http://a"]}
        content = {
            "database": {"url": self.database_url},
            "data_dir": str(self.folder),
            "upstreams": [{**upstream, "models": ["flash", "pro"]}],
            "prices": list(prices),
        }
        self.config.write_text(yaml.safe_dump(content))

    def file(self, content: Any, name: str = "prices.yaml") -> str:
        path = self.folder / name
        path.write_text(json.dumps(content))
        return str(path)

    def run(self, *arguments: str, say: str = "") -> Result:
        command = ["prices", *arguments, "--config", str(self.config)]
        return CliRunner().invoke(app, command, input=say)

    def print(self, *arguments: str, say: str = "") -> str:
        result = self.run(*arguments, say=say)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.print(*arguments, "--json"))


@pytest.fixture
def deployment(tmp_path: Path, database_url: str) -> Deployment:
    return Deployment(tmp_path, database_url)


def states(rows: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return sorted((row["label"], row["source"], row["state"]) for row in rows)


def test_an_import_shows_the_difference_asks_and_stores(deployment: Deployment) -> None:
    price_map = deployment.file(MAP, "map.json")
    arguments = ["import", "--map", price_map, "--effective-from", "2026-02-01"]
    arguments += ["--provider-prefix", "deepseek/", "--reason", "contract 7"]
    refused = deployment.run(*arguments, say="n\n")
    assert refused.exit_code == 1
    assert deployment.json("list") == []

    shown = deployment.print(*arguments, say="y\n")
    assert shown.splitlines() == [
        "pro: new",
        "  currency: USD",
        "  input: 1.32",
        "  cached_input: 0.044",
        "  output: 3.96",
        "pro: left out: input_cost_per_token_priority",
        "flash: skipped: not in the map",  # under that prefix
        "Prices: 1 new, 0 changed, 0 same, 0 gone; 1 skipped.",
        "Store 1 entries? [y/N]: y",
        "1 entries stored.",
    ]

    [row] = deployment.json("list")
    assert (row["label"], row["source"], row["state"]) == (
        "price of model pro",
        "database",
        "in_force",
    )
    assert (row["author"], row["reason"]) == ("cli", "contract 7")
    assert row["body"]["cached_input"] == "0.044"
    assert deployment.json(*arguments, "--yes")["stored"] == []  # all the same now


def test_a_change_is_shown_field_by_field(deployment: Deployment) -> None:
    price_map = deployment.file(MAP, "map.json")
    deployment.print("import", "--file", deployment.file({"prices": [FLASH]}), "--yes")
    plan = deployment.json("diff", "--map", price_map, "--effective-from", "2026-02-01")
    assert plan["prices"] == [
        {
            "model": "flash",
            "tenant": None,
            "status": "changed",
            "old_version": plan["prices"][0]["old_version"],
            "new_version": plan["prices"][0]["new_version"],
            "changes": [{"field": "input", "old": "0.15", "new": "0.3", "percent": "100"}],
        }
    ]
    assert plan["skipped"] == [{"model": "pro", "reason": "not in the map"}]
    printed = deployment.print("diff", "--map", price_map, "--models", "*")
    assert "  input: 0.15 -> 0.3 (+100.0 %)" in printed
    assert "painter: skipped: mode image_generation" in printed
    assert "Prices: 1 new, 1 changed, 0 same, 0 gone; 1 skipped." in printed


def test_what_the_file_names_is_shown_and_not_taken(deployment: Deployment) -> None:
    deployment.configure(FLASH)
    arguments = ["import", "--map", deployment.file(MAP, "map.json"), "--models", "flash"]
    assert "flash: changed; the settings file decides" in deployment.print(*arguments, "--dry-run")
    assert deployment.json(*arguments, "--yes")["stored"] == []
    assert states(deployment.json("list")) == [("price of model flash", "file", "in_force")]


def test_a_file_may_hold_every_kind_of_entry(deployment: Deployment) -> None:
    content = {
        "prices": [FLASH | {"model": "pro", "currency": "CNY", "tenant": "acme"}],
        "price_book": {
            "exchange_rates": [{"currency": "CNY", "rate": "0.14", "effective_from": "2026-01-01"}],
            "aliases": [{"name": "fast", "model": "flash", "effective_from": "2026-01-01"}],
            "calendars": [{"name": "china", "country": "CN"}],
            "markups": [{"percent": "10", "effective_from": "2026-01-01"}],
        },
    }
    stored = deployment.json("import", "--file", deployment.file(content), "--yes")["stored"]
    assert [row["kind"] for row in stored] == [
        "price",
        "exchange_rate",
        "alias",
        "calendar",
        "markup",
    ]
    again = deployment.json("import", "--file", deployment.file(content), "--yes")
    assert (again["stored"], again["others"]) == ([], [])
    table = deployment.print("list")
    assert "holidays of CN" in table
    assert "10 percent" in table


def test_a_correction_replaces_an_entry(deployment: Deployment) -> None:
    file = deployment.file({"prices": [FLASH | {"input": "15"}]})
    [wrong] = deployment.json("import", "--file", file, "--yes")["stored"]
    file = deployment.file({"prices": [FLASH]})
    failed = deployment.run("import", "--file", file, "--yes")
    assert failed.exit_code == 1
    assert "[overlapping_prices]" in failed.stderr
    deployment.print("import", "--file", file, "--yes", "--replace", wrong["id"])
    assert states(deployment.json("list", "--all")) == [
        ("price of model flash", "database", "archived"),
        ("price of model flash", "database", "in_force"),
    ]


def test_an_entry_is_archived(deployment: Deployment) -> None:
    file = deployment.file({"prices": [FLASH]})
    [entry] = deployment.json("import", "--file", file, "--yes")["stored"]
    printed = deployment.print("archive", entry["id"], "--reason", "gone")
    assert printed == f"Archived the price of model flash ({entry['id']}).\n"
    assert deployment.json("list") == []
    assert deployment.run("archive", entry["id"]).exit_code == 1


def test_every_change_is_in_the_audit_trail(deployment: Deployment) -> None:
    file = deployment.file({"prices": [FLASH, FLASH | {"tenant": "acme"}]})
    stored = deployment.json("import", "--file", file, "--yes", "--reason", "why")["stored"]
    deployment.print("archive", stored[0]["id"])

    async def records() -> list[dict[str, Any]]:
        database = Database(deployment.database_url)
        async with database.session() as session:
            rows = list(
                await session.scalars(
                    select(AuditRecord).order_by(AuditRecord.tenant, AuditRecord.seq)
                )
            )
        await database.dispose()
        return [{"tenant": row.tenant, **json.loads(row.body)} for row in rows]

    found = asyncio.run(records())
    first, second = stored[0]["id"], stored[1]["id"]
    assert [(row["tenant"], row["action"], row["target"], row["reason"]) for row in found] == [
        ("_system", "price.create", first, "why"),
        ("_system", "price.archive", first, None),
        ("acme", "price.create", second, "why"),
    ]


def test_the_list_shows_past_entries_on_demand(deployment: Deployment) -> None:
    content = {"prices": [FLASH, FLASH | {"effective_from": "2026-06-01", "input": "0.2"}]}
    content["prices"].append(FLASH | {"effective_from": "2099-01-01", "input": "0.3"})
    deployment.print("import", "--file", deployment.file(content), "--yes")
    shown = deployment.json("list", "--at", "2026-07-01", "--model", "fl*")
    assert {row["body"]["input"]: row["state"] for row in shown} == {
        "0.2": "in_force",
        "0.3": "future",
    }
    everything = deployment.json("list", "--at", "2026-07-01", "--all")
    assert sorted(row["state"] for row in everything) == ["ended", "future", "in_force"]
    assert deployment.json("list", "--model", "other") == []


def test_models_without_a_price_are_listed(deployment: Deployment) -> None:
    deployment.configure(FLASH)
    assert deployment.json("list", "--unpriced") == [{"model": "pro"}]


def test_an_explanation_says_what_made_the_price(deployment: Deployment) -> None:
    content = {
        "prices": [
            FLASH
            | {
                "currency": "CNY",
                "served": "Flash-3",
                "steps": [{"above": 1000, "factor": "2"}],
                "windows": [{"name": "night", "hours": ["22:00-06:00"], "factor": "0.5"}],
            }
        ],
        "price_book": {
            "exchange_rates": [{"currency": "CNY", "rate": "0.2", "effective_from": "2026-01-01"}],
            "markups": [{"percent": "10", "tenant": "acme", "effective_from": "2026-01-01"}],
            "aliases": [{"name": "fast", "model": "flash", "effective_from": "2026-01-01"}],
        },
    }
    deployment.print("import", "--file", deployment.file(content), "--yes")
    arguments = ["explain", "fast", "--at", "2026-11-21T23:00", "--tenant", "acme"]
    arguments += ["--input", "1001", "--output", "10"]
    body = deployment.json(*arguments)
    # 0.15 CNY * 2 (step) * 0.5 (night) = 0.15 CNY = 0.03 USD, and 10 percent: 0.033
    # 0.60 likewise: 0.12 USD, 0.132
    prices = {row["token_class"]: row for row in body["prices"]}
    assert prices["input"] == {
        "token_class": "input",
        "version": "0.15",
        "stated": "0.15",
        "list_price": "0.03",
        "price": "0.033",
    }
    assert prices["output"]["price"] == "0.132"
    # 1,001 * 0.033 + 10 * 0.132 = 33.033 + 1.32, per million
    assert body["total"] == "0.000034353"
    printed = deployment.print(*arguments)
    for line in (
        "fast, an alias of flash, served by Flash-3, at 2026-11-21T23:00:00.000000Z",
        "window: night",
        "step: above 1000 tokens",
        "exchange rate: 1 CNY = 0.2 USD",
        "mark-up: 10 percent",
        "total: 0.000034353 USD",
    ):
        assert line in printed


WRONG = {
    "no source": ["diff"],
    "two sources": ["diff", "--litellm", "--file", "x.yaml"],
    "no file": ["diff", "--file", "missing.yaml"],
    "no map": ["diff", "--map", "missing.json"],
    "json cannot ask": ["import", "--litellm", "--json"],
    "no date": ["list", "--at", "soon"],
    "no price": ["explain", "flash"],
}


def test_what_cannot_be_done_ends_with_a_sentence(deployment: Deployment) -> None:
    for why, arguments in WRONG.items():
        result = deployment.run(*arguments)
        assert result.exit_code == 1, why
        # Where no database is involved, `sovgate` itself prints the error.
        assert isinstance(result.exception, SovgateError) or "sovgate: " in result.stderr, why


def test_a_file_with_a_float_names_the_field(deployment: Deployment) -> None:
    result = deployment.run("diff", "--file", deployment.file({"prices": [FLASH | {"input": 0.1}]}))
    assert result.exit_code == 1
    assert "prices.0.input" in str(result.exception)
