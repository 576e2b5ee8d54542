"""A real gateway with the built UI, and Chromium to look at it.

Playwright's synchronous API occupies its thread's event loop while it runs, so
the browser lives no longer than a module: asynchronous tests of other modules
would find their loop taken.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest
from openai import OpenAI
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from gateway.admin.access import COOKIE
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

# The browser logs refusals that the UI handles: "who am I" signed out, a name that is taken.
_EXPECTED_LOGS = ("401 (Unauthorized)", "409 (Conflict)")
_PATIENCE_MS = 20_000  # a machine that runs other tests beside these
_NUMBERS = count(1)


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
    content = settings(directory, browser_upstream.url, audit={"checkpoint_interval_s": 1})
    with gateway(directory, content) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.fail("The browser tests need Chromium: run 'make browser'.")
    # Chromium's sandbox refuses to run as root, which containers often are.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_console(browser: Browser, browser_gateway: Deployment) -> Iterator[Callable[..., Console]]:
    """Opens the UI in a fresh profile; at the end nothing may have gone wrong unseen."""
    opened: list[tuple[Page, list[str], list[str]]] = []

    def open_(
        viewport: dict[str, int] = DESKTOP, scheme: str = "light", refusals: tuple[str, ...] = ()
    ) -> Console:
        context = browser.new_context(
            viewport=viewport,  # type: ignore[arg-type]
            color_scheme=scheme,  # type: ignore[arg-type]
            locale="en-GB",
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
        )
        context.set_default_timeout(_PATIENCE_MS)
        page = context.new_page()
        faults: list[str] = []
        hosts: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: _note(message, faults, refusals))
        page.on("request", lambda request: hosts.append(request.url))
        opened.append((page, faults, hosts))
        return Console(page, browser_gateway.admin_url)

    yield open_
    for page, faults, urls in opened:
        page.context.close()
        assert faults == []
        foreign = [url for url in urls if not url.startswith((browser_gateway.url, "blob:"))]
        assert foreign == [], "the UI must ask nobody but its own gateway"


def _note(message: ConsoleMessage, faults: list[str], refusals: tuple[str, ...]) -> None:
    """``refusals``: what the browser logs of answers that a test provokes."""
    expected = message.text.endswith((*_EXPECTED_LOGS, *refusals))
    if message.type in ("error", "warning") and not expected:
        faults.append(message.text)


@pytest.fixture(scope="session")
def owner_token(browser_gateway: Deployment) -> str:
    """A session of the owner, as cookie and as bearer token."""
    credentials = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    answer = httpx.post(f"{browser_gateway.url}/admin/api/v1/login", json=credentials, timeout=30)
    return answer.raise_for_status().json()["token"]


@pytest.fixture
def console(
    open_console: Callable[..., Console], owner_token: str, browser_gateway: Deployment
) -> Console:
    """The UI on a desktop, with the owner signed in."""
    console = open_console()
    console.use_session(COOKIE, owner_token)
    return console


@pytest.fixture
def admin(browser_gateway: Deployment, owner_token: str) -> Iterator[httpx.Client]:
    """The admin API as the owner, for what a test needs but does not look at."""
    base = f"{browser_gateway.url}/admin/api/v1"
    headers = {"authorization": f"Bearer {owner_token}"}
    with httpx.Client(base_url=base, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
def tenant(admin: httpx.Client) -> str:
    """A new tenant of the test's own."""
    name = f"tenant-{next(_NUMBERS)}"
    admin.post("/tenants", json={"name": name}).raise_for_status()
    return name


@pytest.fixture
def sdk(browser_gateway: Deployment) -> Callable[[str], OpenAI]:
    """The openai SDK with a given key."""

    def client(api_key: str) -> OpenAI:
        return OpenAI(base_url=browser_gateway.base_url, api_key=api_key, max_retries=0)

    return client
