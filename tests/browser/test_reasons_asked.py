"""Where a deployment demands reasons, the UI asks for one and sends the change again."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import expect

from gateway.admin.access import COOKIE
from support.console import Console
from support.deployment import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    Capture,
    Deployment,
    gateway,
    settings,
)

REFUSAL = "422 (Unprocessable Entity)"  # of the change that comes without a reason


@pytest.fixture(scope="module")
def browser_gateway(
    tmp_path_factory: pytest.TempPathFactory, browser_upstream: Capture
) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("strict-gateway")
    content = settings(directory, browser_upstream.url, audit={"require_reason": True})
    with gateway(directory, content) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def owner_token(browser_gateway: Deployment) -> str:
    credentials = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    answer = httpx.post(f"{browser_gateway.url}/admin/api/v1/login", json=credentials, timeout=30)
    return answer.raise_for_status().json()["token"]


def test_a_reason_is_asked_for(
    open_console: Callable[..., Console], owner_token: str, browser_gateway: Deployment
) -> None:
    console = open_console(refusals=(REFUSAL,))
    console.use_session(COOKIE, owner_token)
    page, prompt = console.page, console.page.get_by_role("dialog", name="Why this change?")
    console.visit("tenants/acme")
    console.press("New project")
    page.get_by_label("Name", exact=True).last.fill("support")
    page.get_by_role("dialog").get_by_role("button", name="Create project").click()
    # Nothing happens without one.
    prompt.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("wants a reason with every change")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Create project").click()
    prompt.get_by_label("Reason").fill("Ticket 4711 für greta@example.com")
    prompt.get_by_role("button", name="Go on").click()
    expect(prompt).to_have_count(0)
    expect(console.row("support").first).to_be_visible()
    headers = {"authorization": f"Bearer {owner_token}"}
    answer = httpx.get(
        f"{browser_gateway.url}/admin/api/v1/tenants/acme/audit?action=project.create",
        headers=headers,
        timeout=30,
    )
    bodies = [item["body"] for item in answer.raise_for_status().json()["items"]]
    assert [body["reason"] for body in bodies] == ["Ticket 4711 für [EMAIL_ADDRESS]"]
