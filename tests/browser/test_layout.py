"""Every page, wide and narrow, light and dark: fits, and passes the axe accessibility rules."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from support.console import DESKTOP, NARROW, Console
from support.deployment import ADMIN_EMAIL, ADMIN_PASSWORD

AXE = Path(__file__).parents[2] / "admin_ui" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = [
    "",
    "tenants",
    "upstreams",
    "system",
    *(f"tenants/acme{page}" for page in ("", "/keys", "/usage")),
]
PAGES += ["tenants/acme/privacy", "tenants/acme/exports", "tenants/acme/audit", "no/such/page"]


@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "light"), (NARROW, "dark")])
def test_every_page_fits_and_is_accessible(
    open_console: Callable[..., Console], viewport: dict[str, int], scheme: str
) -> None:
    console = open_console(viewport, scheme)
    console.visit()
    expect(console.page.get_by_label("Password")).to_be_visible()
    faults = {"sign-in": _faults(console.page)}
    console.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)
    for path in PAGES:
        console.open(path)
        faults[path] = _faults(console.page)
        assert console.page.title().endswith("· Sovgate")
        assert console.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert {path: found for path, found in faults.items() if found} == {}


def test_dialogs_are_accessible(console: Console) -> None:
    for path, button in [
        ("tenants", "New tenant"),
        ("upstreams", "New upstream"),
        ("tenants/acme", "New budget"),
        ("tenants/acme/keys", "New key"),
        ("tenants/acme/privacy", "New recognizer"),
        ("tenants/acme/keys", "Password"),
    ]:
        console.visit(path)
        console.press(button)
        expect(console.dialog).to_be_visible()
        assert _faults(console.page) == []


def test_the_narrow_menu_is_a_drawer(open_console: Callable[..., Console]) -> None:
    console = open_console(NARROW)
    console.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)
    menu = console.page.get_by_role("navigation", name="Main")
    expect(menu).not_to_be_visible()
    console.press("Open menu")
    menu.get_by_role("link", name="Tenants").click()
    expect(console.heading("Tenants")).to_be_visible()
    expect(menu).not_to_be_visible()
    console.press("Open menu")
    console.page.keyboard.press("Escape")
    expect(menu).not_to_be_visible()


def test_the_keyboard_reaches_the_content_first(console: Console) -> None:
    expect(console.heading("Overview")).to_be_visible()
    console.page.keyboard.press("Tab")
    skip = console.page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    console.page.keyboard.press("Enter")
    expect(console.page.locator("#content")).to_be_focused()


def _faults(page: Page) -> list[str]:
    """What axe-core finds: rule and element."""
    page.evaluate(AXE.read_text())
    result: dict[str, Any] = page.evaluate("axe.run()")
    return [
        f"{violation['id']}: {node['html'][:160]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
