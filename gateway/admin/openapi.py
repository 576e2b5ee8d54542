"""The OpenAPI document: what FastAPI derives, and what it cannot know.

It cannot know that the cookie needs the CSRF header on changing calls while the
Bearer token does not, nor that only changing calls have a body to be too large.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.audit.reasons import HEADER, MAX_REASON

DESCRIPTION = """\
Tenants, projects, virtual keys, budgets, usage, exports and the audit trail of a Sovgate
deployment.

Sign in with `POST /login`. Browsers then hold an HttpOnly cookie and send `csrf_token` as the
header `X-CSRF-Token` with every changing call; scripts send the `token` as
`Authorization: Bearer` instead. Amounts are exact decimal text in US dollars. Every error is
`{"error": {"code", "message", "param"}}`; an object of a tenant that the account has no role for
is `404`.
"""

TAGS: list[dict[str, Any]] = [
    {"name": "auth", "description": "Signing in and out, and one's own account."},
    {"name": "overview", "description": "Traffic at a glance."},
    {"name": "organisations", "description": "Groups of tenants, and budgets that they share."},
    {"name": "tenants", "description": "The units that are kept apart from one another."},
    {"name": "projects", "description": "Parts of a tenant."},
    {"name": "keys", "description": "Virtual API keys of applications."},
    {"name": "budgets", "description": "Upper bounds of spending."},
    {"name": "privacy", "description": "A tenant's own recognizers, and what the guard finds."},
    {"name": "usage", "description": "What the ledger says was used."},
    {
        "name": "ledger",
        "description": "Entries, corrections, re-rating, and whether it all agrees.",
    },
    {"name": "prices", "description": "The price book: what is charged, and why."},
    {"name": "invoices", "description": "Who is billed, drafts, invoices and credit notes."},
    {"name": "exports", "description": "Audit, billing and usage reports as files."},
    {"name": "jobs", "description": "Long and scheduled work: how far it is, what came of it."},
    {"name": "audit", "description": "The tamper-evident trail."},
    {
        "name": "retention",
        "description": "Stored bodies, legal holds, erasures, and what was removed.",
    },
    {"name": "users", "description": "Administrator accounts and their roles."},
    {"name": "upstreams", "description": "Where models run: of the file, and set here."},
    {"name": "system", "description": "The deployment's settings, read-only."},
]

_CHANGING = {"post", "put", "patch", "delete"}
_REASON = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": MAX_REASON},
    "description": "Why, for the audit trail: UTF-8, percent-encoded where it is not ASCII. "
    "Personal data that the detectors find in it is masked; do not write any.",
}


def document(app: FastAPI) -> dict[str, Any]:
    """The document of an app; made once and kept on it."""
    if app.openapi_schema is None:
        app.openapi_schema = _completed(
            get_openapi(
                title=app.title,
                version=app.version,
                openapi_version=app.openapi_version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
                servers=app.servers,
                separate_input_output_schemas=False,
            )
        )
    return app.openapi_schema


def _completed(schema: dict[str, Any]) -> dict[str, Any]:
    schemes = schema["components"].setdefault("securitySchemes", {})
    schemes["csrfToken"] = {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"}
    for path in schema["paths"].values():
        for method, operation in path.items():
            if method not in _CHANGING:
                del operation["responses"]["413"]
            if operation.get("security"):
                if method in _CHANGING:
                    operation["parameters"] = [*operation.get("parameters", []), _REASON]
                cookie: dict[str, list[str]] = {"sessionCookie": []}
                if method in _CHANGING:
                    cookie["csrfToken"] = []
                operation["security"] = [cookie, {"sessionBearer": []}]
    return schema
