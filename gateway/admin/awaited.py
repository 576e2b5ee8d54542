"""The admin API, built when somebody first asks it."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    from gateway.state import GatewayState


class AwaitedAdmin:
    """An ASGI application whose first requests wait until it is built, in a thread."""

    def __init__(self, state: GatewayState) -> None:
        self._state = state
        self._built: ASGIApp | None = None
        self._building: asyncio.Task[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._built or await self._build()
        await app(scope, receive, send)

    async def _build(self) -> ASGIApp:
        if self._building is None:
            self._building = asyncio.create_task(asyncio.to_thread(_load, self._state))
        building = self._building
        try:
            # Whoever goes away takes nothing from the others who wait.
            app = await asyncio.shield(building)
        finally:
            if building.done():
                self._building = None
        self._built = app
        return app


def _load(state: GatewayState) -> ASGIApp:
    from gateway.admin.building import build_admin

    app = build_admin(state)
    gc.freeze()  # as at the start: gateway/app.py
    return app
