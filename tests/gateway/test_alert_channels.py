"""Where alerts go, as the settings say: secrets from the environment, addresses checked."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.alerts import alert_channels
from gateway.errors import SettingsError
from gateway.settings import parse_settings

SECRET = {"HOOK_SECRET": "s"}


def channels(url: str, **alerts: Any) -> Any:
    hook = {"url": url, "secret_env": "HOOK_SECRET"}
    settings = parse_settings({"alerts": {"webhooks": {"ops": hook}, **alerts}})
    return alert_channels(settings.alerts, settings.egress, SECRET)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:password@hooks.example.com/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:169.254.169.254]/x",
        "http://2852039166/x",
        "http://0.0.0.0/x",
        "https://hooks.example.com/x#y",
    ],
)
def test_urls_that_stop_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match="Webhook ops: "):
        channels(url)


def test_a_query_is_part_of_many_webhooks() -> None:
    found = channels("https://hooks.example.com/x?version=1&signature=abc")
    assert found.webhooks["ops"].url.endswith("signature=abc")


def test_a_secret_that_is_missing() -> None:
    settings = parse_settings(
        {"alerts": {"webhooks": {"ops": {"url": "https://a.example", "secret_env": "NONE"}}}}
    )
    with pytest.raises(SettingsError, match="NONE"):
        alert_channels(settings.alerts, settings.egress, SECRET)


async def test_connections_are_guarded() -> None:
    """Loopback is the operator's to name; metadata is nobody's, whatever leads there."""
    found = channels("http://127.0.0.1/x")
    app = web.Application()

    async def take(request: web.Request) -> web.Response:
        return web.Response(status=204)

    app.router.add_post("/x", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession(connector=found.connector()) as client:
        async with client.post(f"http://localhost:{port}/x") as answer:
            assert answer.status == 204
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.post(f"http://169.254.169.254:{port}/x")
    opened = await asyncio.to_thread(found.connect, ("127.0.0.1", port), 5)
    opened.close()
    with pytest.raises(OSError, match="out of bounds"):
        await asyncio.to_thread(found.connect, ("169.254.169.254", port), 5)
    await runner.cleanup()
