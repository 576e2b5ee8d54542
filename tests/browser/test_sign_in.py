"""Signing in, staying in, and being out again."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from support.console import Console
from support.deployment import ADMIN_EMAIL, ADMIN_PASSWORD


def test_a_wrong_password_is_refused_with_a_sentence(open_console: Callable[..., Console]) -> None:
    console = open_console()
    console.visit()
    console.page.get_by_label("E-mail").fill(ADMIN_EMAIL)
    console.page.get_by_label("Password").fill("not the password")
    console.press("Sign in")
    expect(console.page.get_by_role("alert")).to_have_text("The address or the password is wrong.")
    expect(console.page.get_by_role("navigation")).to_have_count(0)


def test_the_session_survives_a_reload_and_ends_with_the_sign_out(
    open_console: Callable[..., Console],
) -> None:
    console = open_console()
    console.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)
    console.page.reload()
    expect(console.heading("Overview")).to_be_visible()
    console.press("Sign out")
    expect(console.page.get_by_label("Password")).to_be_visible()
    console.visit("tenants")
    expect(console.page.get_by_label("Password")).to_be_visible()
    assert console.page.context.cookies() == []


def test_no_script_can_read_the_session(open_console: Callable[..., Console]) -> None:
    console = open_console()
    console.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)
    assert console.page.evaluate("document.cookie") == ""
    assert console.page.evaluate("localStorage.length + sessionStorage.length") == 0
    (cookie,) = console.page.context.cookies()
    assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Strict")


def test_an_ended_session_leads_back_to_the_sign_in(console: Console) -> None:
    console.visit("tenants")
    expect(console.row("acme").first).to_be_visible()
    console.page.context.clear_cookies()
    console.page.get_by_role("link", name="Overview", exact=True).click()
    expect(console.page.get_by_label("Password")).to_be_visible()


def test_a_link_into_the_ui_opens_that_page_after_the_sign_in(
    open_console: Callable[..., Console],
) -> None:
    console = open_console()
    console.visit("tenants/acme/keys")
    console.page.get_by_label("E-mail").fill(ADMIN_EMAIL)
    console.page.get_by_label("Password").fill(ADMIN_PASSWORD)
    console.page.keyboard.press("Enter")
    expect(console.heading("Keys")).to_be_visible()
    expect(console.page).to_have_url(re.compile(r"/admin/tenants/acme/keys$"))
