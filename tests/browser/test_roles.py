"""What an account may not do is not offered to it."""

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import expect

from support.console import Console

PASSWORD = "a password that is long"

# Role for one tenant -> the pages of the menu, and the buttons of the tenant's pages.
CASES = {
    "viewer": (["Overview", "Tenants", "Settings", "Keys", "Usage"], []),
    "auditor": (
        ["Overview", "Tenants", "Settings", "Keys", "Privacy", "Usage", "Exports", "Audit"],
        [],
    ),
    "finance": (["Overview", "Tenants", "Settings", "Keys", "Usage", "Exports"], ["New budget"]),
    "admin": (
        ["Overview", "Tenants", "Settings", "Keys", "Privacy", "Usage", "Exports", "Audit"],
        ["New budget", "New project", "New key", "Save settings"],
    ),
}
BUTTONS = ["New budget", "New project", "New key", "Save settings", "Suspend tenant", "New tenant"]


@pytest.mark.parametrize("role", CASES)
def test_a_role_for_one_tenant(
    open_console: Callable[..., Console], admin: httpx.Client, tenant: str, role: str
) -> None:
    email = f"{role}@example.com"
    account = {"email": email, "password": PASSWORD, "roles": [{"role": role, "tenant": tenant}]}
    admin.post("/users", json=account).raise_for_status()
    pages, buttons = CASES[role]

    console = open_console()
    console.sign_in(email, PASSWORD)
    expect(console.heading("Overview")).to_be_visible()
    links = console.page.get_by_role("navigation").get_by_role("link")
    expect(links).to_have_text(pages)
    options = console.page.get_by_label("Tenant", exact=True).get_by_role("option")
    expect(options).to_have_text([tenant])
    assert _offered(console, tenant) == sorted(buttons)

    console.visit("tenants/globex")
    expect(console.page.get_by_text("Your role does not cover this page")).to_be_visible()


def _offered(console: Console, tenant: str) -> list[str]:
    found: set[str] = set()
    for path in ("tenants", f"tenants/{tenant}", f"tenants/{tenant}/keys"):
        console.open(path)
        found |= {
            name
            for name in BUTTONS
            if console.page.get_by_role("button", name=name, exact=True).count()
        }
    return sorted(found)
