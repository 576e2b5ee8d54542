"""Upstreams: those of the file are shown; one is added, changed and deleted."""

from collections.abc import Callable

import httpx
from playwright.sync_api import expect

from support.console import Console


def test_an_upstream_is_tested_added_changed_and_deleted(
    console: Console, admin: httpx.Client
) -> None:
    console.visit("upstreams")
    expect(console.row("capture").first).to_contain_text("File")
    expect(console.row("capture").first.get_by_role("button")).to_have_count(0)
    console.press("New upstream")
    dialog = console.dialog
    console.press("Save upstream")
    expect(dialog.get_by_text("Write the name of a model.")).to_be_visible()
    dialog.get_by_label("Name").fill("capture")
    dialog.get_by_label("Zone").fill("eu")
    dialog.get_by_label("Address").fill("http://localhost:1/v1")
    dialog.get_by_label("Models").fill("browser-model\nother-model")
    console.press("Save upstream")
    expect(dialog.get_by_text("The configuration file has an upstream of this")).to_be_visible()
    dialog.get_by_label("Name").fill("browser-eu")
    dialog.get_by_role("button", name="Test").click()
    expect(dialog.get_by_text("No server of this upstream answers.")).to_be_visible()
    console.press("Save upstream")
    expect(console.row("browser-eu").first).to_contain_text("browser-model, other-model")
    (stored,) = _stored(admin)
    assert (stored["zone"], stored["definition"]["retries"]) == ("eu", 1)

    console.page.get_by_role("button", name="Edit browser-eu").click()
    expect(dialog.get_by_label("Name")).to_have_attribute("readonly", "")
    dialog.get_by_label("Variable with the API key").fill("UPSTREAM_KEY_NOT_SET_HERE")
    console.press("Save upstream")
    expect(console.row("browser-eu").first).to_contain_text("The variable of its key is not set")

    console.page.get_by_role("button", name="Delete browser-eu").click()
    console.press("Delete upstream")
    expect(console.row("browser-eu")).to_have_count(0)
    assert _stored(admin) == []


def test_who_may_not_sees_no_such_page(
    open_console: Callable[..., Console], admin: httpx.Client
) -> None:
    credentials = {"email": "upstreams-viewer@example.com", "password": "a long pass phrase"}
    roles = {"roles": [{"role": "viewer", "tenant": None}]}
    admin.post("/users", json=credentials | roles).raise_for_status()
    console = open_console()
    console.visit()
    console.sign_in(credentials["email"], credentials["password"])
    console.open("upstreams")
    expect(console.page.get_by_text("Your role does not cover this page")).to_be_visible()
    menu = console.page.get_by_role("navigation", name="Main")
    expect(menu.get_by_role("link", name="Upstreams")).to_have_count(0)


def _stored(admin: httpx.Client) -> list[dict]:
    items = admin.get("/upstreams").raise_for_status().json()["items"]
    return [each for each in items if each["origin"] == "database"]
