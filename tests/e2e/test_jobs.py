"""An export asked for in the admin API, made by a real Celery worker on a real Valkey."""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from support.deployment import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    KEYS,
    SECRETS,
    Capture,
    gateway,
    settings,
    sovgate,
)
from support.processes import running

WORKER = ["-m", "celery", "-A", "gateway.celery_app", "worker", "--loglevel", "INFO"]


def test_a_celery_worker_makes_the_export(
    tmp_path: Path, capture: Capture, database_url: str, valkey_url: str
) -> None:
    content: dict[str, Any] = settings(tmp_path, capture.url) | {
        "database": {"url": database_url},
        "redis": {"url": valkey_url},
    }
    log = tmp_path / "celery.log"
    with (
        gateway(tmp_path, content) as deployment,
        running(
            [sys.executable, *WORKER, "--queues", "sovgate"],
            ready=lambda: log.exists() and " ready." in log.read_text(),
            log=log,
            env={**SECRETS, "SOVGATE_CONFIG": str(deployment.config)},
        ),
        httpx.Client(base_url=f"{deployment.admin_url}api/v1/") as admin,
    ):
        body = {"model": "flash", "messages": [{"role": "user", "content": "Say hello."}]}
        headers = {"authorization": f"Bearer {KEYS['acme']}"}
        answer = httpx.post(f"{deployment.base_url}/chat/completions", json=body, headers=headers)
        request_id = answer.headers["x-sovgate-request-id"]
        time.sleep(1)
        login = admin.post("login", json={"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD})
        admin.headers["authorization"] = f"Bearer {login.json()['token']}"
        wanted = {"kind": "audit", "format": "jsonl"}
        now = datetime.now(UTC)
        span = {
            "start": (now - timedelta(days=1)).isoformat(),
            "end": (now + timedelta(hours=1)).isoformat(),
        }
        job = admin.post("tenants/acme/exports", json=wanted | span).raise_for_status().json()
        place = f"tenants/acme/exports/{job['id']}"
        status = "queued"
        for _ in range(100):
            status = admin.get(place).json()["status"]
            if status in {"done", "failed"}:
                break
            time.sleep(0.2)
        assert status == "done"
        file = tmp_path / "audit.jsonl"
        file.write_bytes(admin.get(f"{place}/download").raise_for_status().content)
        assert request_id in file.read_text()
        assert sovgate(deployment, "audit", "verify", str(file)).status == 0
    assert "sovgate.job" in log.read_text()
