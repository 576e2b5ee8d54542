"""What a stage is, and the order of a request's life."""

from typing import Protocol

from gateway.exchange import Exchange


class Stage(Protocol):
    """One step. ``leave`` runs for every stage whose ``enter`` was begun, in reverse order,
    whether the request succeeded, failed or was cancelled; it must not raise. Stages that take
    nothing leave it as it is, and it is not called."""

    name: str

    async def enter(self, exchange: Exchange) -> None: ...

    async def leave(self, exchange: Exchange) -> None:
        """Nothing was taken."""
