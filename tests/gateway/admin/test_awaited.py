"""The admin API is built once, for whoever asks first, and nobody's leaving ends that."""

import asyncio
from typing import Any, cast

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.admin import awaited
from gateway.admin.awaited import AwaitedAdmin
from gateway.state import GatewayState


class _Api:
    """Answers by counting."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1


class _Builder:
    """Builds when it is let."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.builds = 0
        self.fails = False
        self.api = _Api()
        self._loop = asyncio.get_running_loop()
        self.let = asyncio.Event()
        monkeypatch.setattr(awaited, "_load", self)

    def __call__(self, state: GatewayState) -> ASGIApp:
        self.builds += 1
        asyncio.run_coroutine_threadsafe(self.let.wait(), self._loop).result()
        if self.fails:
            raise RuntimeError("no such module")
        return self.api


def _ask(admin: AwaitedAdmin) -> "asyncio.Task[None]":
    nothing = cast(Any, None)
    return asyncio.create_task(admin({"type": "http"}, nothing, nothing))


async def test_all_wait_for_one_build(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = _Builder(monkeypatch)
    admin = AwaitedAdmin(cast(Any, None))
    first, second = _ask(admin), _ask(admin)
    await asyncio.sleep(0)
    first.cancel()  # its client has gone
    await asyncio.wait([first])
    builder.let.set()
    await second
    await _ask(admin)
    assert (first.cancelled(), builder.builds, builder.api.asked) == (True, 1, 2)


async def test_a_failed_build_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = _Builder(monkeypatch)
    builder.let.set()
    builder.fails = True
    admin = AwaitedAdmin(cast(Any, None))
    with pytest.raises(RuntimeError):
        await _ask(admin)
    builder.fails = False
    await _ask(admin)
    assert (builder.builds, builder.api.asked) == (2, 1)
