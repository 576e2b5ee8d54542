"""Tenants: made, given a budget, suspended and resumed, with what it does to their traffic."""

from collections.abc import Callable

import httpx
import pytest
from openai import OpenAI, PermissionDeniedError
from playwright.sync_api import expect

from support.console import Console

HELLO = [{"role": "user", "content": "hello"}]


def test_create_a_tenant_and_set_its_budget(console: Console, admin: httpx.Client) -> None:
    console.visit("tenants")
    console.press("New tenant")
    console.dialog.get_by_label("Display name").fill("Müller & Söhne")
    expect(console.dialog.get_by_label("Name", exact=True)).to_have_value("muller-sohne")
    console.press("Create tenant")
    expect(console.heading("Müller & Söhne")).to_be_visible()

    console.press("New budget")
    console.dialog.get_by_label("Limit in US dollars").fill("12.345678901")
    console.press("Save budget")
    expect(console.dialog).to_have_count(0)
    expect(console.row("muller-sohne").first).to_contain_text("$12.345678901 a month")
    (budget,) = admin.get("/tenants/muller-sohne/budgets").json()["items"]
    assert (budget["limit_usd"], budget["period"], budget["hard"]) == (
        "12.345678901",
        "month",
        True,
    )

    console.press("Edit the budget of muller-sohne")
    console.dialog.get_by_label("Limit in US dollars").fill("twelve")
    console.press("Save budget")
    expect(console.dialog).to_contain_text("Write a plain decimal amount")
    console.dialog.get_by_label("Limit in US dollars").fill("20")
    console.press("Save budget")
    expect(console.row("muller-sohne").first).to_contain_text("$20 a month")


def test_a_taken_name_is_explained(console: Console, tenant: str) -> None:
    console.visit("tenants")
    console.press("New tenant")
    console.dialog.get_by_label("Display name").fill("Another")
    console.dialog.get_by_label("Name", exact=True).fill(tenant)
    console.press("Create tenant")
    expect(console.dialog.get_by_role("alert")).not_to_be_empty()


def test_settings_are_kept(console: Console, tenant: str, admin: httpx.Client) -> None:
    console.visit(f"tenants/{tenant}")
    console.page.get_by_label("Display name").fill("New name")
    console.page.get_by_label("Requests / minute").fill("30")
    console.press("Save settings")
    expect(console.heading("New name")).to_be_visible()
    assert admin.get(f"/tenants/{tenant}").json()["limits"] == {
        "rpm": 30,
        "tpm": None,
        "parallel": None,
    }


def test_suspending_stops_the_traffic_until_it_is_resumed(
    console: Console, tenant: str, sdk: Callable[[str], OpenAI]
) -> None:
    client = sdk(console.new_key(tenant, "app"))
    client.chat.completions.create(model="flash", messages=HELLO)  # type: ignore[arg-type]

    console.visit(f"tenants/{tenant}")
    console.press("Suspend tenant")
    console.press("Suspend")
    expect(console.page.get_by_text("This tenant is suspended")).to_be_visible()
    with pytest.raises(PermissionDeniedError):
        client.chat.completions.create(model="flash", messages=HELLO)  # type: ignore[arg-type]

    console.press("Resume tenant")
    console.press("Resume")
    expect(console.page.get_by_text("This tenant is suspended")).to_have_count(0)
    client.chat.completions.create(model="flash", messages=HELLO)  # type: ignore[arg-type]
