"""Jobs of a deployment: an export on demand, and the schedule, with Celery worker and beat on a
real Valkey, and on one machine without any of them."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from support.deployment import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    KEYS,
    SECRETS,
    Capture,
    Deployment,
    gateway,
    settings,
    sovgate,
)
from support.outcomes import soon
from support.processes import ServerProcess, running

_wait = partial(soon, within_s=60)

SCHEDULED = {"rollups.verify", "retention"}


@contextmanager
def _celery(deployment: Deployment, role: str, *arguments: str) -> Iterator[ServerProcess]:
    log = deployment.directory / f"{role}.log"
    ready = " ready." if role == "worker" else "beat: Starting..."
    command = [sys.executable, "-m", "celery", "-A", "gateway.celery_app", role, *arguments]
    with running(
        [*command, "--loglevel", "INFO"],
        ready=lambda: log.exists() and ready in log.read_text(),
        log=log,
        env={**SECRETS, "SOVGATE_CONFIG": str(deployment.config)},
    ) as process:
        yield process


@contextmanager
def _admin(deployment: Deployment) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{deployment.admin_url}api/v1/", timeout=60) as admin:
        login = admin.post("login", json={"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD})
        admin.headers["authorization"] = f"Bearer {login.json()['token']}"
        yield admin


def _ask(deployment: Deployment) -> str:
    """A request with its tenant's key; its id, when its record is in the database."""
    body = {"model": "flash", "messages": [{"role": "user", "content": "Say hello."}]}
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    answer = httpx.post(f"{deployment.base_url}/chat/completions", json=body, headers=headers)
    request_id = answer.headers["x-sovgate-request-id"]
    with _admin(deployment) as admin:
        _wait(lambda: request_id in admin.get("tenants/acme/audit").text)
    return request_id


def _jobs(admin: httpx.Client) -> list[dict[str, Any]]:
    return admin.get("jobs").raise_for_status().json()["items"]


def _all_ran(admin: httpx.Client) -> bool:
    """Each scheduled kind has one job, and it is done."""
    jobs = [job for job in _jobs(admin) if job["kind"] in SCHEDULED]
    return {job["kind"] for job in jobs if job["status"] == "done"} == SCHEDULED


def test_celery_makes_an_export_and_keeps_the_schedule(
    tmp_path: Path, capture: Capture, database_url: str, valkey_url: str
) -> None:
    content: dict[str, Any] = settings(tmp_path, capture.url) | {
        "database": {"url": database_url},
        "redis": {"url": valkey_url},
    }
    with (
        gateway(tmp_path, content) as deployment,
        _celery(deployment, "worker", "--queues", "sovgate") as worker,
        _celery(deployment, "beat"),
        _admin(deployment) as admin,
    ):
        request_id = _ask(deployment)
        now = datetime.now(UTC)
        wanted = {
            "kind": "audit",
            "format": "jsonl",
            "start": (now - timedelta(days=1)).isoformat(),
            "end": (now + timedelta(hours=1)).isoformat(),
        }
        key = {"Idempotency-Key": "once"}
        asked = [admin.post("tenants/acme/exports", json=wanted, headers=key) for _ in range(2)]
        (job_id,) = {answer.raise_for_status().json()["id"] for answer in asked}
        place = f"tenants/acme/exports/{job_id}"
        _wait(lambda: admin.get(place).json()["status"] in {"done", "failed"})
        assert admin.get(place).json()["progress"] == 100
        file = tmp_path / "audit.jsonl"
        file.write_bytes(admin.get(f"{place}/download").raise_for_status().content)
        assert request_id in file.read_text()
        assert sovgate(deployment, "audit", "verify", str(file)).status == 0
        _wait(lambda: _all_ran(admin))
        schedule = admin.get("jobs/schedule").json()["items"]
        assert {item["kind"] for item in schedule} >= SCHEDULED
        checked = next(item for item in schedule if item["kind"] == "rollups.verify")
        assert checked["latest"]["result"]["problems"] == []
    assert "sovgate.job" in worker.output()
    assert "sovgate.tick" in worker.output()


def test_one_machine_keeps_the_schedule_by_itself_and_over_a_crash(
    tmp_path: Path, capture: Capture
) -> None:
    content = settings(tmp_path, capture.url)
    with gateway(tmp_path, content) as deployment, _admin(deployment) as admin:
        _ask(deployment)
        _wait(lambda: _all_ran(admin))
        before = {job["id"] for job in _jobs(admin) if job["kind"] in SCHEDULED}
        deployment.server.process.send_signal(signal.SIGKILL)
        deployment.server.process.wait()
    with gateway(tmp_path, content) as deployment, _admin(deployment) as admin:
        started = sovgate(deployment, "job", "run", "retention", "--queue")
        assert started.status == 0, started.errors
        _wait(lambda: all(job["status"] == "done" for job in _jobs(admin)))
        jobs = [job for job in _jobs(admin) if job["kind"] in SCHEDULED]
        # The slots had run; what was added is the one that was asked for.
        added = [job for job in jobs if job["id"] not in before]
        assert [job["params"] for job in added] == [{}]
        assert {job["attempts"] for job in jobs} == {1}
