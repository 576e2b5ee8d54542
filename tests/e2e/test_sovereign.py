"""A sovereign deployment connects to its configured upstreams and to nothing else."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import yaml
from sqlalchemy.engine import make_url

from support.deployment import KEYS, SECRETS, Capture, Deployment, settings
from support.egress_recorder import install, is_lookup, recorded
from support.processes import answers, free_port, running
from tests.e2e.test_egress import SOVEREIGN, admin_of, openai_upstream

LONG = "The lift is slow. " * 3_000  # looked at in a process beside


def test_no_connection_leaves(
    tmp_path: Path, capture: Capture, postgres_url: str, database_url: str, valkey_url: str
) -> None:
    content = settings(
        tmp_path,
        capture.url,
        egress=SOVEREIGN,
        database={"url": database_url},
        redis={"url": valkey_url},
    )
    content["upstreams"] = [each for each in content["upstreams"] if each["name"] == "capture"]
    config = tmp_path / "sovgate.yaml"
    config.write_text(yaml.safe_dump(content))
    url = f"http://127.0.0.1:{content['server']['port']}"
    with running(
        [sys.executable, "-m", "gateway.cli", "serve", "--config", config],
        ready=answers(f"{url}/readyz"),
        log=tmp_path / "gateway.log",
        env={**SECRETS, **install(tmp_path)},
    ) as server:
        deployment = Deployment(tmp_path, config, url, server)
        forbidden = _busy_day(deployment)
    seen = recorded(tmp_path)
    allowed = {f"127.0.0.1:{urlsplit(each).port}" for each in (capture.url, valkey_url)}
    place = make_url(database_url)
    allowed |= {f"{place.host}:{place.port}"} if place.host else set()
    reached = {target for _, event, target in seen if event != "start" and not is_lookup(event)}
    assert f"127.0.0.1:{urlsplit(capture.url).port}" in reached  # the recorder sees connections
    assert {target for target in reached if not _is_local_socket(target)} <= allowed
    names = {target for _, event, target in seen if is_lookup(event)}
    assert f"localhost:{forbidden}" in names  # it was looked up, and went no further
    assert len({pid for pid, event, _ in seen if event == "start"}) >= 2  # its children too


def _busy_day(deployment: Deployment) -> int:
    """Requests, a long one, administration; the port of an upstream that must not be reached."""
    port = free_port()
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    with httpx.Client(base_url=deployment.base_url, headers=headers, timeout=60) as client:
        for text in ("Please say hello.", LONG):
            body = {"model": "flash", "messages": [{"role": "user", "content": text}]}
            client.post("/chat/completions", json=body).raise_for_status()
    with admin_of(deployment) as admin:
        inside = openai_upstream("inside", f"http://localhost:{port}")
        body = {"definition": inside}
        assert admin.post("/upstreams/test", json=body).json()["answers"] is False
        admin.post("/upstreams", json=body).raise_for_status()
        foreign = openai_upstream("far", "https://models.example.com", zone="us")
        answer = admin.post("/upstreams", json={"definition": foreign})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "foreign_zone")
        assert admin.get("/upstreams").json()["home_zones"] == ["onprem"]
    return port


def _is_local_socket(target: str) -> bool:
    """A file, or the pair by which an event loop wakes itself."""
    return target.startswith("/")
