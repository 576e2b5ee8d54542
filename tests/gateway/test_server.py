"""How uvicorn is told to serve: who is believed about clients, and what bounds them."""

import pickle
from typing import Any

import pytest
import uvicorn
from pydantic import ValidationError

from gateway.server import _options
from gateway.settings import ServerSettings, parse_settings


async def seen(trusted: list[str], peer: str, *headers: tuple[bytes, bytes]) -> tuple[str, str]:
    """Client and scheme as the application sees them."""
    scopes: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    settings = parse_settings({"server": {"trusted_proxies": trusted}})
    config = uvicorn.Config(application, **_options(settings))
    config.load()
    scope: Any = {"type": "http", "scheme": "http", "client": (peer, 1), "headers": list(headers)}
    await config.loaded_app(scope, None, None)  # type: ignore[arg-type]
    return scopes[0]["client"][0], scopes[0]["scheme"]


FORWARDED = ((b"x-forwarded-for", b"6.6.6.6, 10.0.0.9"), (b"x-forwarded-proto", b"https"))


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "10.0.0.1", "6.6.6.6"])
async def test_nobody_is_believed_by_default(peer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # uvicorn's own, which is not ours
    assert await seen([], peer, *FORWARDED) == (peer, "http")


async def test_a_trusted_proxy_is_believed_about_the_last_that_is_none() -> None:
    trusted = ["10.0.0.0/8"]
    assert await seen(trusted, "10.0.0.1", *FORWARDED) == ("6.6.6.6", "https")
    assert await seen(trusted, "7.7.7.7", *FORWARDED) == ("7.7.7.7", "http")
    # What the client wrote itself stands further left.
    spoofed = (b"x-forwarded-for", b"1.1.1.1, 6.6.6.6")
    assert (await seen(trusted, "10.0.0.1", spoofed))[0] == "6.6.6.6"


def test_worker_processes_get_the_bounds_too() -> None:
    """They are told by pickle."""
    settings = parse_settings({"server": {"max_connections": 7, "write_timeout_s": 3}})
    options = pickle.loads(pickle.dumps(_options(settings)))
    limits = options["http"].keywords["limits"]
    assert (limits.connections, limits.write_s) == (7, 3)


@pytest.mark.parametrize("proxy", ["*", "0.0.0.0/0", "::/0", "proxy.example.com", ""])
def test_proxies_are_named_by_address(proxy: str) -> None:
    with pytest.raises(ValidationError):
        ServerSettings(trusted_proxies=[proxy])
