"""A tenant's own recognizers on the whole path: from the API to what the upstream gets."""

import json
import time
from collections.abc import Iterator

import httpx
import pytest
from openai import OpenAI

from support.deployment import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    KEYS,
    Capture,
    Deployment,
    gateway,
    settings,
)

PROMPT = "The badge ac-20417 opens Nightfall, ask help@acme.example."
BADGE = {"name": "badge", "entity": "BADGE_ID", "patterns": [{"regex": r"\bac-\d{5}\b"}]}


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, _capture_process: Capture
) -> Iterator[Deployment]:
    """A gateway whose policy brings a recognizer and an allow list."""
    project = {"name": "project", "entity": "PROJECT", "deny_list": {"values": ["Nightfall"]}}
    pii = {"recognizers": [project], "allow_list": ["help@acme.example"]}
    directory = tmp_path_factory.mktemp("own-recognizers")
    content = settings(directory, _capture_process.url, policies={"default": {"pii": pii}})
    with gateway(directory, content) as running:
        yield running


@pytest.fixture(scope="module")
def admin(deployment: Deployment) -> Iterator[httpx.Client]:
    credentials = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    base = f"{deployment.url}/admin/api/v1"
    with httpx.Client(base_url=base, timeout=30) as client:
        token = client.post("/login", json=credentials).raise_for_status().json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def sent(client: OpenAI, capture: Capture, prompt: str = PROMPT) -> str:
    capture.reset()
    answer = client.chat.completions.create(
        model="flash", messages=[{"role": "user", "content": prompt}]
    )
    assert answer.choices[0].message.content == f"You said: {prompt}"
    return json.dumps(capture.seen(), ensure_ascii=False)


def test_a_policys_recognizers_and_allow_list(client: OpenAI, capture: Capture) -> None:
    body = sent(client, capture)
    assert "The badge ac-20417 opens [PROJECT_1], ask help@acme.example." in body


def test_a_change_by_the_api_is_in_force_for_the_next_request(
    client: OpenAI, capture: Capture, admin: httpx.Client, deployment: Deployment
) -> None:
    assert "ac-20417" in sent(client, capture)
    url = "/tenants/acme/recognizers"
    created = admin.post(url, json={"definition": BADGE}).raise_for_status().json()
    assert "The badge [BADGE_ID_1] opens [PROJECT_1]" in sent(client, capture)
    other = next(name for name in KEYS if name != "acme")
    with OpenAI(base_url=deployment.base_url, api_key=KEYS[other], max_retries=0) as stranger:
        assert "ac-20417" in sent(stranger, capture)
    admin.delete(f"{url}/{created['id']}").raise_for_status()
    assert "ac-20417" in sent(client, capture)


def test_long_texts_are_looked_at_by_them_too(
    client: OpenAI, capture: Capture, admin: httpx.Client
) -> None:
    """Those go to a process beside, which must build the recognizers for itself."""
    definition = {**BADGE, "name": "long"}
    admin.post("/tenants/acme/recognizers", json={"definition": definition}).raise_for_status()
    body = sent(client, capture, "The lift is slow. " * 3_000 + PROMPT)
    assert "[BADGE_ID_1] opens [PROJECT_1], ask help@acme.example." in body
    assert "ac-20417" not in body


def test_nothing_of_a_recognizer_stands_in_the_files(
    admin: httpx.Client, deployment: Deployment
) -> None:
    definition = {"name": "people", "entity": "VIP", "deny_list": {"values": ["Ottilie Quast"]}}
    admin.post("/tenants/acme/recognizers", json={"definition": definition}).raise_for_status()
    explained = admin.post("/tenants/acme/explain", json={"text": "Ottilie Quast"})
    assert explained.json()["masked"] == "[VIP_1]"
    time.sleep(0.5)
    files = [path for path in deployment.directory.rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert [path.name for path in files if b"Ottilie" in path.read_bytes()] == []
