"""``sovgate plan``: stated and measured workloads, own figures, tables, JSON, the picture."""

import asyncio
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from billing import month_span
from billing.ledger.rollups import move_rollups
from billing.usage import TOKEN_CLASSES
from core.database import Database
from core.errors import SovgateError
from gateway.cli import app
from migrations.runner import upgrade

RUNNER = CliRunner()
_STATED = ["--requests-per-day", "200000", "--input-tokens", "4000", "--output-tokens", "600"]


def _plan(*arguments: str) -> Any:
    result = RUNNER.invoke(app, ["plan", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _refused(*arguments: str) -> SovgateError:
    with pytest.raises(SovgateError) as error:
        RUNNER.invoke(app, ["plan", *arguments], catch_exceptions=False)
    return error.value


def test_tables() -> None:
    result = RUNNER.invoke(app, ["plan", *_STATED], catch_exceptions=False)
    assert "DeepSeek-V4-Flash on own devices" in result.stdout
    assert "DeepSeek-V4-Pro: cost a month, USD" in result.stdout
    assert "no published throughput" in result.stdout
    assert "[1] SGLang cookbook, DeepSeek-V4" in result.stdout
    assert "https://api-docs.deepseek.com/quick_start/pricing" in result.stdout
    assert "Cheaper than the API from, tokens a month (requests a day)" in result.stdout


def test_a_stated_workload_as_json() -> None:
    """200,000 * 600 * 3 / 86,400 = 4,166.7 output tokens a second in the busiest hour."""
    body = _plan(*_STATED, "--model", "v4-flash", "--device", "b200", "--spare", "1")
    assert body["workload"]["peak_output_tokens_per_second"] == "4166.7"
    (option,) = body["self_hosted"]
    # 4,166.7 of 3,732.9 tokens a second (B200, concurrency 256) at 60 %: 1.86, and 27,777.8
    # input tokens of 29,863.1: 1.55. Two replicas of four, one spare.
    assert (option["replicas"], option["devices"]) == (2, 12)
    assert option["usd_a_month"] == "52560"  # 12 * 6 * 730
    assert set(option["break_even"]) == {
        "deepseek-flash",
        "deepseek-flash off-peak",
        "deepseek-flash peak",
        "gpt-5.5",
        "claude-opus-4-7",
    }


def test_tokens_a_month_are_as_good_as_requests_a_day() -> None:
    tokens = "27983333333.333333"  # 200,000 * 4,600 * 730 / 24
    shape = ["--input-tokens", "4000", "--output-tokens", "600", "--device", "b300"]
    assert _plan("--tokens-per-month", tokens, *shape) == _plan(
        "--requests-per-day", "200000", *shape
    )


def test_own_figures() -> None:
    """1,000 output tokens a second of 1,100 at 60 %: two replicas of eight at 1.50 dollars."""
    body = _plan(
        "--requests-per-day", "144000", "--input-tokens", "1000", "--output-tokens", "200",
        "--model", "v4-flash", "--device", "atlas-800-a2", "--baseline", "kimi-k3",
        "--throughput", "v4-flash:atlas-800-a2=8:9000:1100", "--device-hour", "atlas-800-a2=1.5",
    )  # fmt: skip
    (option,) = body["self_hosted"]
    assert (option["devices"], option["price_source"]) == (16, "yours")
    assert option["usd_a_month"] == "17520"
    assert "kimi-k3" in option["break_even"]


def test_the_picture(tmp_path: Path) -> None:
    file = tmp_path / "plan.png"
    _plan(*_STATED, "--plot", str(file))
    assert file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "invalid_request"),
        ([*_STATED, "--tokens-per-month", "5"], "invalid_request"),
        ([*_STATED, "--device", "b100"], "unknown_device"),
        ([*_STATED, "--device-hour", "b100=2"], "unknown_device"),
        ([*_STATED, "--device-hour", "b200"], "invalid_amount"),
        ([*_STATED, "--device-hour", "b200=0"], "invalid_request"),
        ([*_STATED, "--throughput", "b200=1"], "invalid_request"),
        ([*_STATED, "--throughput", "v4-flash:b200=8:0:5"], "invalid_request"),
        ([*_STATED, "--basis", "gift"], "invalid_request"),
        ([*_STATED, "--model", "v5"], "invalid_plan"),
        ([*_STATED, "--utilisation", "2"], "invalid_plan"),
        ([*_STATED, "--cached-share", "much"], "invalid_amount"),
        ([*_STATED, "--baseline", "gpt-99"], "unpriced_model"),
    ],
)
def test_what_cannot_be_planned_is_said(arguments: list[str], code: str) -> None:
    assert _refused(*arguments).code == code


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment with usage of two tenants in November and its own price of gpt-5.5."""
    folder = tmp_path_factory.mktemp("deployment")
    url = f"sqlite+aiosqlite:///{folder}/sovgate.db"
    price = {"model": "gpt-5.5", "effective_from": "2026-01-01", "input": "7", "output": "70"}
    content = {
        "data_dir": str(folder),
        "database": {"url": url},
        "prices": [{**price, "currency": "USD", "per": 1_000_000}],
    }
    file = folder / "sovgate.yaml"
    file.write_text(yaml.safe_dump(content))
    asyncio.run(_use(url))
    return file


async def _use(url: str) -> None:
    database = Database(url)
    nothing = {f"{name}_tokens": 0 for name in TOKEN_CLASSES}
    amounts = dict.fromkeys(("worker_seconds", "surcharge", "cost"), Decimal(0))
    facts = {"project_id": "prj_1", "key_id": "key_1", "model": "sov-flash", "ended": "completed"}
    facts |= {"price_version": "pv_1", "currency": "USD", "estimated": False}
    facts |= dict.fromkeys(("tier", "upstream", "zone", "trend"))
    try:
        await upgrade(database)
        async with database.transaction() as session:
            for tenant, tokens in (("acme", 3_600_000), ("globex", 7_200_000)):
                at = month_span("2026-10")[0] + timedelta(hours=9)
                counts = {**nothing, "input_tokens": tokens, "output_tokens": tokens}
                await move_rollups(
                    session, [{"tenant": tenant, "at": at, **counts, **amounts, **facts}]
                )
    finally:
        await database.dispose()


def test_from_usage(config: Path) -> None:
    usage = ["--from-usage", "--month", "2026-10", "--config", str(config), "--device", "b200"]
    body = _plan(*usage, "--tenant", "acme")
    assert body["workload"]["described"] == "usage of tenant acme in 2026-10"
    assert body["workload"]["peak_output_tokens_per_second"] == "1000"
    everyone = _plan(*usage)
    assert everyone["workload"]["described"] == "usage of all tenants in 2026-10"
    assert everyone["workload"]["peak_output_tokens_per_second"] == "3000"
    baseline = next(api for api in body["apis"]["v4-pro"] if api["name"] == "gpt-5.5")
    assert baseline["usd_per_million"] == {"input": "7", "cached_input": "7", "output": "70"}
    assert baseline["source"] == "the price book"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "invalid_request"),
        (["--month", "2026-10", *_STATED], "invalid_request"),
        (["--month", "October"], "invalid_report"),
        (["--month", "2026-09"], "invalid_plan"),
        (["--month", "2026-10", "--tenant", "nobody"], "invalid_plan"),
        (["--month", "2026-10", "--usage-model", "sov-pro"], "invalid_plan"),
        (["--month", "2999-01"], "invalid_plan"),
    ],
)
def test_usage_that_cannot_be_planned_is_said(
    config: Path, arguments: list[str], code: str
) -> None:
    assert _refused("--from-usage", "--config", str(config), *arguments).code == code
