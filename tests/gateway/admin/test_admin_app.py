import json
import re
import subprocess
import sys
from pathlib import Path

from sqlalchemy.exc import OperationalError

from gateway.admin import AdminServices, openapi_document
from gateway.admin.errors import STATUS
from gateway.admin.permissions import GLOBAL_ONLY, GRANTS, Permission
from gateway.tenants.roles import Role
from tests.gateway.admin.conftest import Login, code


def test_the_document_is_made_without_a_database_and_without_torch() -> None:
    program = (
        "import json, sys; from gateway.admin import openapi_document;"
        "assert not {'torch', 'pyarrow', 'spacy', 'litellm'} & set(sys.modules);"
        "print(json.dumps(openapi_document()))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert json.loads(output.stdout) == openapi_document()


def test_every_operation_is_described_and_every_error_has_a_model() -> None:
    document = openapi_document()
    ids = []
    for path in document["paths"].values():  # type: ignore[attr-defined]
        for operation in path.values():
            ids.append(operation["operationId"])
            assert operation["tags"]
            assert operation["summary"]
            assert operation["description"]
            errors = {s: r for s, r in operation["responses"].items() if int(s) >= 400}
            assert {"401", "422", "503"} <= errors.keys()
            for answer in errors.values():
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorBody"}
    assert len(ids) == len(set(ids))


def test_every_object_is_closed() -> None:
    schemas = openapi_document()["components"]["schemas"]  # type: ignore[index]
    objects = {name for name, schema in schemas.items() if schema["type"] == "object"}
    assert {name for name in objects if schemas[name]["additionalProperties"]} == set()


def test_the_permission_table() -> None:
    assert GRANTS.keys() == set(Role)
    assert GRANTS[Role.OWNER] == set(Permission)
    assert Permission.EXPORTS_AUDIT not in GRANTS[Role.ADMIN]
    writes = {p for p in Permission if p.endswith((".write", ".govern"))}
    assert GRANTS[Role.VIEWER].isdisjoint(writes)
    assert GRANTS[Role.AUDITOR].isdisjoint(writes)
    assert {Permission.USERS_WRITE, Permission.TENANTS_GOVERN} <= GLOBAL_ONLY


async def test_the_system_shows_settings_without_secrets(sign_in: Login) -> None:
    client = await sign_in("viewer")
    answer = await client.get("/system")
    body = answer.json()
    assert [tier["name"] for tier in body["tiers"]] == ["flash"]
    assert body["upstreams"][0]["zone"] == "onprem"
    assert body["prices"][0]["input"] == "0.15"
    assert [policy["name"] for policy in body["policies"]] == ["default", "strict"]
    assert "POOL_SECRET_NAME" not in answer.text
    assert "10.0.0.7" not in answer.text


async def test_the_document_is_served(sign_in: Login) -> None:
    client = await sign_in(None)
    assert (await client.get("/openapi.json")).json() == openapi_document()


async def test_every_answer_has_the_security_headers(sign_in: Login) -> None:
    client = await sign_in("viewer")
    for path in ("/me", "/no-such-path", "/tenants/no-such", "/openapi.json"):
        headers = (await client.get(path)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]


async def test_errors_have_one_shape_and_echo_nothing(sign_in: Login) -> None:
    client = await sign_in("owner")
    unknown = await client.get("/no-such-path")
    assert (unknown.status_code, code(unknown)) == (404, "not_found")
    method = await client.put("/tenants")
    assert (method.status_code, code(method)) == (405, "method_not_allowed")
    broken = await client.post(
        "/tenants", content=b'{"name": s3cret', headers={"Content-Type": "application/json"}
    )
    assert (broken.status_code, code(broken)) == (422, "malformed_json")
    nameless = await client.post("/tenants", json={"name": "ok", "s3cret value": 1})
    assert (nameless.status_code, nameless.json()["error"]["param"]) == (422, "?")
    assert "s3cret" not in broken.text + nameless.text


async def test_a_too_large_body_is_refused_before_it_is_read(sign_in: Login) -> None:
    client = await sign_in(None)
    answer = await client.post("/login", content=b"x" * (256 * 1024 + 1))
    assert (answer.status_code, code(answer)) == (413, "request_too_large")


async def test_an_outage_is_said_to_be_one(sign_in: Login, services: AdminServices) -> None:
    client = await sign_in("owner")
    await services.database.dispose()

    def away() -> None:
        raise OperationalError("SELECT", {}, ConnectionRefusedError())

    services.database.session = away  # type: ignore[method-assign, assignment]
    answer = await client.get("/tenants")
    assert (answer.status_code, code(answer)) == (503, "database_unavailable")


def _documentation() -> str:
    return (Path(__file__).parents[3] / "docs" / "admin-api.md").read_text("utf-8")


def test_the_documentation_has_the_permission_table() -> None:
    text = _documentation()
    for permission in Permission:
        note = " (global only)" if permission in GLOBAL_ONLY else ""
        marks = " | ".join("yes" if permission in GRANTS[role] else "" for role in Role)
        assert f"| `{permission}`{note} | {marks} |" in text


def test_the_documentation_has_every_call_error_and_action() -> None:
    text = _documentation()
    for path, operations in openapi_document()["paths"].items():  # type: ignore[attr-defined]
        for method in operations:
            assert f"| `{method.upper()} {path}` |" in text
    for kind, status in STATUS.items():
        line = next(line for line in text.splitlines() if f"`{kind.code}`" in line)
        assert f"| {status} |" in line
    sources = (Path(__file__).parents[3] / "gateway" / "admin").rglob("service.py")
    actions = {
        action
        for source in sources
        for action in re.findall(r'"((?:[a-z]+\.[a-z]+)|login|logout)"', source.read_text("utf-8"))
    }
    assert {"login", "key.revoke", "export.download"} <= actions
    assert {action for action in actions if f"`{action}`" not in text} == set()
