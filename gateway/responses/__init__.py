"""Stored responses: turns that clients refer to by id, sealed, per tenant and project."""

from gateway.responses.store import ReasoningSeal, ResponseStore, StoredTurn

__all__ = ["ReasoningSeal", "ResponseStore", "StoredTurn"]
