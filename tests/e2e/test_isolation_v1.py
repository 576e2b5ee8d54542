"""Each /v1 path with each wrong credential, the headers of every answer, and one tenant's
values in another's answers."""

import json
import socket
from importlib.resources import files
from typing import Any

import httpx
import pytest

from support.deployment import ADMIN_EMAIL, ADMIN_PASSWORD, KEYS, Capture, Deployment, sovgate

DOCUMENT: dict[str, Any] = json.loads((files("gateway.routes") / "openapi.json").read_text())
OPEN = [path for path, ops in DOCUMENT["paths"].items() for op in ops.values() if "security" in op]
OPERATIONS = [(method.upper(), path) for path, ops in DOCUMENT["paths"].items() for method in ops]
CHAT = {"model": "flash", "messages": [{"role": "user", "content": "My name is Greta Vogel."}]}
HEADERS = {
    "cache-control",
    "content-security-policy",
    "cross-origin-resource-policy",
    "referrer-policy",
    "x-content-type-options",
    "x-frame-options",
}


def test_the_document_has_every_route_and_no_other(deployment: Deployment) -> None:
    """Paths that nobody wrote down answer 404, those that are there 401, 200 or 503."""
    for method, path in OPERATIONS:
        answer = httpx.request(method, deployment.url + path, json=CHAT)
        assert answer.status_code == (200 if path in OPEN else 401), (method, path)
    served = httpx.get(f"{deployment.url}/v1/openapi.json").json()
    assert served == DOCUMENT
    for path in ("/v1", "/v1/", "/v1/nowhere", "/v1/chat/completions/", "/V1/models", "/docs"):
        assert httpx.get(deployment.url + path).status_code == 404


def credentials(deployment: Deployment) -> dict[str, tuple[dict[str, str], set[int]]]:
    """Name -> headers and the statuses that may come."""
    login = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    admin = httpx.Client(base_url=f"{deployment.url}/admin/api/v1", timeout=60)
    with admin:
        session = admin.post("/login", json=login).json()
        admin.headers["x-csrf-token"] = session["csrf_token"]
        made = admin.post("/tenants/acme/keys", json={"name": "gone"}).json()
        assert admin.delete(f"/tenants/acme/keys/{made['id']}").is_success
        cookie = admin.cookies["sovgate_session"]
    bearer = "Bearer " + session["token"]
    return {
        "none": ({}, {401}),
        "made up": ({"authorization": "Bearer sov-made-up-key-of-nobody"}, {401}),
        "cut": ({"authorization": f"Bearer {KEYS['acme'][:-1]}"}, {401}),
        "other case": ({"authorization": f"Bearer {KEYS['acme'].upper()}"}, {401}),
        "basic": ({"authorization": f"Basic {KEYS['acme']}"}, {401}),
        "session as key": ({"authorization": bearer}, {401}),
        "session as x-api-key": ({"x-api-key": session["token"]}, {401}),
        "cookie": ({"cookie": f"sovgate_session={cookie}"}, {401}),
        "revoked": ({"authorization": f"Bearer {made['api_key']}"}, {401}),
        "in the address": ({}, {401}),
    }


def test_wrong_credentials_open_nothing(deployment: Deployment, capture: Capture) -> None:
    for name, (headers, statuses) in credentials(deployment).items():
        for method, path in OPERATIONS:
            if path in OPEN:
                continue
            query = f"?api_key={KEYS['acme']}" if name == "in the address" else ""
            url = deployment.url + path + query
            answer = httpx.request(method, url, json=CHAT, headers=headers)
            assert answer.status_code in statuses, (name, path)
            assert answer.json()["error"]["type"] == "authentication_error"
            assert "acme" not in answer.text
            assert "flash" not in answer.text
    assert capture.seen() == []


def test_a_suspended_tenant_gets_nothing(deployment: Deployment, capture: Capture) -> None:
    made = sovgate(deployment, "tenant", "create", "initech")
    assert made.status == 0, made.errors
    login = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    with httpx.Client(base_url=f"{deployment.url}/admin/api/v1", timeout=60) as admin:
        admin.headers["x-csrf-token"] = admin.post("/login", json=login).json()["csrf_token"]
        key = admin.post("/tenants/initech/keys", json={"name": "app"}).json()["api_key"]
        assert admin.patch("/tenants/initech", json={"status": "suspended"}).is_success
    headers = {"authorization": f"Bearer {key}"}
    for method, path in OPERATIONS:
        if path not in OPEN:
            answer = httpx.request(method, deployment.url + path, json=CHAT, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "tenant_suspended")
    assert capture.seen() == []


def test_a_tenants_values_do_not_come_back_to_another(
    deployment: Deployment, capture: Capture
) -> None:
    """Globex writes the very token that stands for a name at acme."""
    url = f"{deployment.base_url}/chat/completions"
    first = httpx.post(url, json=CHAT, headers={"authorization": f"Bearer {KEYS['acme']}"}).json()
    assert "Greta Vogel" in json.dumps(first)
    masked = capture.seen()[0]["body"]["messages"][0]["content"]
    assert "Greta" not in masked
    token = masked.partition("My name is ")[2].rstrip(".")
    for messages in (
        [{"role": "user", "content": f"Who is {token}?"}],
        [{"role": "user", "content": masked}, {"role": "user", "content": f"Who is {token}?"}],
        [{"role": "user", "content": "Hello."}, {"role": "user", "content": f"{token} {token}"}],
    ):
        answer = httpx.post(
            url,
            json={"model": "flash", "messages": messages},
            headers={"authorization": f"Bearer {KEYS['globex']}"},
        )
        assert answer.status_code == 200
        assert "Greta" not in answer.text
        assert "Vogel" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models", 401),
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/readyz", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/v1/models", 405),
        ("POST", "/v1/chat/completions", 401),
        ("GET", "/admin", 307),
        ("GET", "/admin/", 200),
        ("GET", "/admin/nowhere.js", 404),
        ("POST", "/admin/", 405),
        ("GET", "/admin/api/v1/me", 401),
        ("GET", "/admin/api/v1/nowhere", 404),
        ("PUT", "/admin/api/v1/login", 405),
        ("GET", "/admin/api/v1/tenants/", 404),
        ("OPTIONS", "/v1/chat/completions", 405),
    ],
)
def test_security_headers_stand_on_every_answer(
    deployment: Deployment, method: str, path: str, status: int
) -> None:
    headers = {"host": "evil.example.com", "origin": "https://evil.example.com"}
    answer = httpx.request(method, deployment.url + path, headers=headers)
    built = status if path != "/admin/" or answer.status_code != 503 else 503
    assert answer.status_code == built
    assert set(answer.headers) >= HEADERS
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "'unsafe" not in answer.headers["content-security-policy"]
    assert not [name for name in answer.headers if name.startswith("access-control")]
    # HSTS over plain HTTP means nothing; a forged scheme is not believed.
    assert "strict-transport-security" not in answer.headers
    assert "evil" not in answer.text + str(answer.headers)


@pytest.mark.parametrize(
    "path",
    [
        "/admin/../pyproject.toml",
        "/admin/..%2fpyproject.toml",
        "/admin/%2e%2e/%2e%2e/etc/passwd",
        "/admin/assets/../../../pyproject.toml",
        "/admin/assets/..%5c..%5cpyproject.toml",
        "/admin//etc/passwd",
        "/admin/%00index.html",
        "//evil.example.com/admin",
    ],
)
def test_no_path_leads_out_of_the_ui(deployment: Deployment, path: str) -> None:
    """Sent as it stands: clients would tidy it."""
    host, port = deployment.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"root:" not in answer
    assert b"[build-system]" not in answer
    assert b"\r\nlocation: //" not in answer.lower()
    assert b"location: http" not in answer.lower()
