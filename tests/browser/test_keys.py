"""Keys: shown once, really working, and refused once revoked."""

from collections.abc import Callable

import pytest
from openai import AuthenticationError, OpenAI
from playwright.sync_api import expect

from support.console import Console

HELLO = [{"role": "user", "content": "hello"}]


def test_a_new_key_works_at_once_and_no_more_when_revoked(
    console: Console, tenant: str, sdk: Callable[[str], OpenAI]
) -> None:
    value = console.new_key(tenant, "support-bot")
    client = sdk(value)
    answer = client.chat.completions.create(model="flash", messages=HELLO)  # type: ignore[arg-type]
    assert answer.choices[0].message.content == "You said: hello"

    row = console.row("support-bot")
    expect(row).to_contain_text("Active")
    console.press("Revoke support-bot")
    console.press("Revoke key")
    expect(row).to_contain_text("Revoked")
    with pytest.raises(AuthenticationError):
        client.chat.completions.create(model="flash", messages=HELLO)  # type: ignore[arg-type]


def test_the_key_is_shown_this_once_and_not_lost_by_a_slip(console: Console, tenant: str) -> None:
    page = console.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    console.visit(f"tenants/{tenant}/keys")
    console.press("New key")
    console.dialog.get_by_label("Name", exact=True).fill("ci")
    console.press("Create key")
    shown = page.get_by_test_id("api-key")
    value = shown.inner_text()
    # The second Escape in a row is the one that a browser takes as final.
    for _ in range(3):
        page.keyboard.press("Escape")
    expect(shown).to_be_visible()
    console.press("Copy the key")
    expect(console.dialog).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == value

    console.press("I have stored the key")
    expect(console.row("ci")).to_contain_text(value[:8])
    assert value not in page.content()
    page.reload()
    expect(console.row("ci")).to_be_visible()
    assert value not in page.content()


def test_cancelling_revokes_nothing_and_gives_the_focus_back(console: Console, tenant: str) -> None:
    console.new_key(tenant, "app")
    console.press("Revoke app")
    console.page.keyboard.press("Escape")
    expect(console.dialog).to_have_count(0)
    expect(console.row("app")).to_contain_text("Active")
    expect(console.page.get_by_role("button", name="Revoke app")).to_be_focused()
