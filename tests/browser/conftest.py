"""A real gateway with the built UI, and Chromium to look at it.

Playwright's synchronous API occupies its thread's event loop while it runs, so
the browser lives no longer than a module: asynchronous tests of other modules
would find their loop taken.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from openai import OpenAI
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from gateway.admin_ui import DEFAULT_DIST
from support.console import DESKTOP, Console
from support.deployment import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    Capture,
    Deployment,
    capture_upstream,
    gateway,
    settings,
)

# Signed out, the UI asks who is signed in, and the browser logs the answer 401.
_EXPECTED_LOGS = ("401 (Unauthorized)",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser_upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capture]:
    with capture_upstream(tmp_path_factory.mktemp("browser-upstream")) as capture:
        yield capture


@pytest.fixture(scope="session")
def browser_gateway(
    tmp_path_factory: pytest.TempPathFactory, browser_upstream: Capture
) -> Iterator[Deployment]:
    """One gateway for all browser tests; each test makes tenants of its own."""
    if not (DEFAULT_DIST / "index.html").exists():
        pytest.fail("The admin UI has not been built: run 'make ui' first.")
    directory = tmp_path_factory.mktemp("browser-gateway")
    with gateway(directory, settings(directory, browser_upstream.url)) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.fail("The browser tests need Chromium: run 'make browser'.")
    # Chromium's sandbox refuses to run as root, which containers often are.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_console(browser: Browser, browser_gateway: Deployment) -> Iterator[Callable[..., Console]]:
    """Opens the UI in a fresh profile; at the end nothing may have gone wrong unseen."""
    opened: list[tuple[Page, list[str], list[str]]] = []

    def open_(viewport: dict[str, int] = DESKTOP, scheme: str = "light") -> Console:
        context = browser.new_context(
            viewport=viewport,  # type: ignore[arg-type]
            color_scheme=scheme,  # type: ignore[arg-type]
            locale="en-GB",
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
        )
        context.set_default_timeout(10_000)
        page = context.new_page()
        faults: list[str] = []
        hosts: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: _note(message, faults))
        page.on("request", lambda request: hosts.append(request.url))
        opened.append((page, faults, hosts))
        return Console(page, browser_gateway.admin_url)

    yield open_
    for page, faults, urls in opened:
        page.context.close()
        assert faults == []
        foreign = [url for url in urls if not url.startswith((browser_gateway.url, "blob:"))]
        assert foreign == [], "the UI must ask nobody but its own gateway"


def _note(message: ConsoleMessage, faults: list[str]) -> None:
    if message.type in ("error", "warning") and not message.text.endswith(_EXPECTED_LOGS):
        faults.append(message.text)


@pytest.fixture
def console(open_console: Callable[..., Console]) -> Console:
    """The UI on a desktop, signed in as the owner."""
    console = open_console()
    console.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)
    return console


@pytest.fixture
def admin(browser_gateway: Deployment) -> Iterator[httpx.Client]:
    """The admin API as the owner, for what a test needs but does not look at."""
    base = f"{browser_gateway.url}/admin/api/v1"
    credentials = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    token = httpx.post(f"{base}/login", json=credentials).raise_for_status().json()["token"]
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=base, headers=headers, timeout=20) as client:
        yield client


@pytest.fixture
def tenant(admin: httpx.Client, request: pytest.FixtureRequest) -> str:
    """A new tenant of the test's own."""
    name = request.node.name.removeprefix("test_").replace("_", "-").split("[")[0][:40].strip("-")
    admin.post("/tenants", json={"name": name}).raise_for_status()
    return name


@pytest.fixture
def sdk(browser_gateway: Deployment) -> Callable[[str], OpenAI]:
    """The openai SDK with a given key."""

    def client(api_key: str) -> OpenAI:
        return OpenAI(base_url=browser_gateway.base_url, api_key=api_key, max_retries=0)

    return client
