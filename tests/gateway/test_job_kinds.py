"""The jobs of a deployment: what is scheduled is there, and the page lists it all."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from billing import TaskRegistry
from billing.invoices.terms import InvoiceTerms
from billing.jobs.schedule import DEFAULT_SCHEDULE
from core.clock import SystemClock
from gateway.audit import SigningKey
from gateway.errors import SettingsError
from gateway.jobs import job_settings, job_tasks
from gateway.reports import Reports
from gateway.settings import parse_settings
from support.repository import ROOT


@pytest.fixture
def tasks(tmp_path: Path) -> TaskRegistry:
    clock = SystemClock()
    key = SigningKey.load_or_create(None, tmp_path)
    return job_tasks(key, clock, InvoiceTerms(), Reports.of(parse_settings({}), clock))


def test_the_schedule_names_the_deployments_kinds(tasks: TaskRegistry) -> None:
    assert tasks.deployment_kinds == set(DEFAULT_SCHEDULE)


def test_the_page_lists_every_kind_and_the_schedule(tasks: TaskRegistry) -> None:
    page = (ROOT / "docs" / "jobs.md").read_text("utf-8")
    assert {kind for kind in tasks.kinds if f"`{kind}`" not in page} == set()
    for kind, cadence in DEFAULT_SCHEDULE.items():
        assert f"| `{kind}` | {cadence} |" in page


def test_settings_of_jobs() -> None:
    jobs = {"schedule": {"retention": "daily 05:30"}, "retention_days": 7}
    made = job_settings(parse_settings({"jobs": jobs}), "me")
    assert made.schedule is not None
    assert made.schedule.texts == {**DEFAULT_SCHEDULE, "retention": "daily 05:30"}
    assert (made.retention, made.runner) == (timedelta(days=7), "me")
    assert job_settings(parse_settings({"jobs": {"scheduled": False}})).schedule is None


@pytest.mark.parametrize(
    ("jobs", "named"),
    [
        ({"schedule": {"usage": "daily 05:30"}}, r"jobs\.schedule: .*'usage' is not scheduled"),
        ({"schedule": {"retention": "hourly"}}, r"'hourly' is no cadence"),
        ({"retention_days": 0}, r"jobs\.retention_days"),
    ],
)
def test_settings_that_are_wrong(jobs: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        parse_settings({"jobs": jobs})
