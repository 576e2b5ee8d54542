"""Schemathesis over both OpenAPI documents, against a real gateway process.

A server error, a status or a body that the document does not know, or no answer in time fails.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.deployment import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    KEYS,
    Deployment,
    capture_upstream,
    gateway,
    settings,
)

EXAMPLES = int(os.environ.get("SOVGATE_FUZZ_EXAMPLES", "0"))
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,unsupported_method"
)
# They end sessions or fill the throttle; they come last, each with a session of its own.
ENDING = ("logout", "change_password", "update_user", "logout_everywhere", "login")


@pytest.fixture
def deployment(tmp_path: Path, database_url: str) -> Iterator[Deployment]:
    with capture_upstream(tmp_path) as capture:
        content = settings(tmp_path, capture.url) | {"database": {"url": database_url}}
        with gateway(tmp_path, content) as deployment:
            yield deployment


def run(deployment: Deployment, document: dict, path: str, token: str, *options: str) -> str:  # type: ignore[type-arg]
    """Schemathesis over a document; what it printed if it found anything."""
    file = deployment.directory / "openapi.json"
    file.write_text(json.dumps(document))
    # The fixed cases take minutes over all operations; the random ones as long as one lets them.
    phases = "examples,coverage,fuzzing" if EXAMPLES else "examples,fuzzing"
    command = [str(Path(sys.executable).with_name("st")), "run", str(file)]
    command += ["--url", deployment.url + path, "--header", f"Authorization: Bearer {token}"]
    command += ["--checks", CHECKS, "--phases", phases, "--request-timeout", "20"]
    command += ["--max-examples", str(EXAMPLES // 20 or 2), "--warnings", "off", "--no-color"]
    command += ["--continue-on-failure", *([] if EXAMPLES else ["--seed", "1"]), *options]
    result = subprocess.run(command, capture_output=True, text=True, cwd=deployment.directory)
    assert "Tested: 0" not in result.stdout
    return "" if result.returncode == 0 else result.stdout + result.stderr


def sign_in(deployment: Deployment) -> str:
    body = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    return httpx.post(f"{deployment.url}/admin/api/v1/login", json=body).json()["token"]


# PostgreSQL refuses what SQLite takes, such as a NUL in a text.
@pytest.mark.parametrize(
    "database_url", ["postgresql", "sqlite"] if EXAMPLES else ["postgresql"], indirect=True
)
def test_both_apis_keep_to_their_documents(deployment: Deployment) -> None:
    inference = httpx.get(f"{deployment.url}/v1/openapi.json").json()
    assert run(deployment, inference, "", KEYS["acme"]) == ""
    mount = "/admin/api/v1"
    document = httpx.get(f"{deployment.url}{mount}/openapi.json").json()
    others = [option for name in ENDING for option in ("--exclude-operation-id", name)]
    sessions = {name: sign_in(deployment) for name in ENDING}
    assert run(deployment, document, mount, sign_in(deployment), *others) == ""
    for name, token in sessions.items():
        options = ("--include-operation-id", name)
        assert run(deployment, document, mount, token, *options) == ""
    log = (deployment.directory / "gateway.log").read_text()
    assert "request.failed" not in log
    assert "Exception" not in log
