"""Privacy: a recognizer made with live checks, tried on a text, changed and deleted."""

import httpx
from playwright.sync_api import expect

from support.console import Console

TEXT = "Badge AC-20417 😀 of Ottilie Quast, greta.vogel@example.com"


def test_a_recognizer_is_made_with_live_checks_and_takes_effect(
    console: Console, tenant: str, admin: httpx.Client
) -> None:
    console.visit(f"tenants/{tenant}/privacy")
    expect(console.page.get_by_text("No recognizers of your own")).to_be_visible()
    console.press("New recognizer")
    dialog = console.dialog
    dialog.get_by_label("Name").fill("badge")
    dialog.get_by_label("Entity type").fill("badge id")
    expect(dialog.get_by_label("Entity type")).to_have_value("BADGE_ID")
    console.press("Add pattern")
    dialog.get_by_label("Pattern 1", exact=True).fill("[a-z]+")
    expect(dialog.get_by_text("of ordinary text")).to_be_visible()
    expect(dialog.get_by_role("button", name="Save recognizer")).to_be_disabled()
    dialog.get_by_label("Pattern 1", exact=True).fill(r"(\d)\1")
    expect(dialog.get_by_text("Backreferences")).to_be_visible()
    dialog.get_by_label("Pattern 1", exact=True).fill(r"\bAC-\d{5}\b")
    dialog.get_by_label("Values to find").fill("Ottilie Quast\n")
    expect(dialog.get_by_role("button", name="Save recognizer")).to_be_enabled()
    console.press("Save recognizer")
    expect(console.row("badge").first).to_contain_text("1 pattern, 1 listed value")
    (item,) = admin.get(f"/tenants/{tenant}/recognizers").json()["items"]
    assert (item["entity"], item["source"]) == ("BADGE_ID", "database")

    console.page.get_by_label("Text", exact=True).fill(TEXT)
    console.press("Explain")
    expect(console.page.get_by_test_id("masked")).to_have_text(
        "Badge [BADGE_ID_1] 😀 of [BADGE_ID_2], [EMAIL_ADDRESS_1]"
    )
    marks = console.page.get_by_test_id("found").locator("mark")
    expect(marks).to_have_text(
        ["AC-20417BADGE_ID", "Ottilie QuastBADGE_ID", "greta.vogel@example.comEMAIL_ADDRESS"]
    )
    expect(console.row("Ottilie Quast").first).to_contain_text("deny list")


def test_the_stream_is_held_back_while_a_token_is_not_whole(console: Console, tenant: str) -> None:
    console.visit(f"tenants/{tenant}/privacy")
    console.press("Use an example")
    console.press("Explain")
    sent = console.page.get_by_test_id("sent")
    expect(sent).to_contain_text("greta.vogel@example.com")
    pieces = console.page.get_by_label("Pieces received")
    pieces.focus()
    console.page.keyboard.press("Home")
    expect(sent).to_have_text("")
    console.page.keyboard.press("ArrowRight")
    expect(console.page.locator(".held")).to_have_text("[PER")
    expect(sent).to_have_text("")
    console.press("Play")
    expect(sent).to_contain_text("invoice 4711.")


def test_a_change_by_somebody_else_is_not_overwritten(
    console: Console, tenant: str, admin: httpx.Client
) -> None:
    definition = {"name": "vips", "entity": "VIP", "deny_list": {"values": ["Ottilie Quast"]}}
    url = f"/tenants/{tenant}/recognizers"
    created = admin.post(url, json={"definition": definition}).raise_for_status().json()
    console.visit(f"tenants/{tenant}/privacy")
    console.press("Edit vips")
    expect(console.dialog.get_by_label("Values to find")).to_have_value("Ottilie Quast")
    admin.put(
        f"{url}/{created['id']}",
        json={"version": 1, "definition": {**definition, "entity": "PEOPLE"}},
    ).raise_for_status()
    console.dialog.get_by_label("Values to find").fill("Bo Quast")
    console.press("Save recognizer")
    expect(console.dialog.get_by_role("alert")).to_contain_text("changed by another call")
    console.press("Cancel")
    console.visit(f"tenants/{tenant}/privacy")
    console.press("Delete vips")
    console.press("Delete recognizer")
    expect(console.page.get_by_text("No recognizers of your own")).to_be_visible()
