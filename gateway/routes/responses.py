"""Stored responses by id: show, delete, list the input; cancelling has nothing to cancel."""

import msgspec

from gateway.errors import InvalidRequest, NotFound
from gateway.http.connection import Connection
from gateway.pipeline.authenticate import Authenticate
from gateway.responses import ResponseStore, StoredTurn
from gateway.responses.errors import ResponseNotCancellable, ResponseNotFound

_MOST_ITEMS = 100
_DEFAULT_ITEMS = 20


class StoredResponses:
    """The handlers; each one authenticates first and finds the caller's own only."""

    def __init__(self, authenticate: Authenticate, store: ResponseStore) -> None:
        self._authenticate = authenticate
        self._store = store

    async def show(self, connection: Connection) -> None:
        turn = await self._turn(connection)
        await connection.respond(200, [], msgspec.json.encode(turn.response))

    async def delete(self, connection: Connection) -> None:
        principal, _ = await self._authenticate.who(connection)
        response_id = connection.path["id"]
        if not await self._store.delete(principal, response_id):
            raise _not_found()
        body = {"id": response_id, "object": "response", "deleted": True}
        await connection.respond(200, [], msgspec.json.encode(body))

    async def input_items(self, connection: Connection) -> None:
        turn = await self._turn(connection)
        await connection.respond(200, [], msgspec.json.encode(_page(turn, connection)))

    async def cancel(self, connection: Connection) -> None:
        await self._turn(connection)
        raise ResponseNotCancellable(
            "Only responses made in the background can be cancelled; this one is finished."
        )

    async def compact(self, connection: Connection) -> None:
        raise NotFound("Responses are not compacted here; `truncation: auto` drops old turns.")

    async def _turn(self, connection: Connection) -> StoredTurn:
        principal, _ = await self._authenticate.who(connection)
        turn = await self._store.find(principal, connection.path["id"])
        if turn is None:
            raise _not_found()
        return turn


def _page(turn: StoredTurn, connection: Connection) -> dict[str, object]:
    """``limit``, ``order`` (latest first) and ``after`` as OpenAI has them."""
    query = connection.query
    items = turn.input if query.get("order") == "asc" else turn.input[::-1]
    if query.get("order", "desc") not in {"asc", "desc"}:
        raise InvalidRequest("`order` must be 'asc' or 'desc'.", param="order")
    limit = query.get("limit", str(_DEFAULT_ITEMS))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= _MOST_ITEMS):
        raise InvalidRequest(f"`limit` must be 1 to {_MOST_ITEMS}.", param="limit")
    if "after" in query:
        ids = [item["id"] for item in items]
        if query["after"] not in ids:
            raise InvalidRequest("`after` must be the id of an item.", param="after")
        items = items[ids.index(query["after"]) + 1 :]
    page = items[: int(limit)]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(items) > len(page),
    }


def _not_found() -> ResponseNotFound:
    return ResponseNotFound(
        "There is no such response; it may have been deleted, have expired, or never been stored."
    )
