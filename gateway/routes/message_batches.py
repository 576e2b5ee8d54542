"""``/v1/messages/batches``: Anthropic's Message Batches, of the key's project."""

import msgspec

from gateway.batches.messages import MessageBatchDesk
from gateway.errors import InvalidRequest
from gateway.http.connection import Connection
from gateway.idempotency import HEADER, IdempotencyKeys
from gateway.pipeline.authenticate import Authenticate
from gateway.routes.files import limit_of, query_of, scope_of

_DEFAULT_LISTED, _MOST_LISTED = 20, 1000


class MessageBatches:
    """``/v1/messages/batches``.

    Args:
        max_body_bytes: of a body with requests.
    """

    def __init__(
        self,
        authenticate: Authenticate,
        desk: MessageBatchDesk,
        keys: IdempotencyKeys | None,
        max_body_bytes: int,
    ) -> None:
        self._authenticate = authenticate
        self._desk = desk
        self._keys = keys
        self._max_body_bytes = max_body_bytes

    async def create(self, connection: Connection) -> None:
        if self._keys is not None and HEADER in connection.headers:
            await self._keys.serve(connection, self._authenticate.who, self._create)
        else:
            await self._create(connection)

    async def _create(self, connection: Connection) -> bool:
        scope = await scope_of(self._authenticate, connection)
        raw = await connection.read_body(self._max_body_bytes)
        made = await self._desk.create(scope, raw)
        await connection.respond(200, [], msgspec.json.encode(made))
        return True

    async def index(self, connection: Connection) -> None:
        scope = await scope_of(self._authenticate, connection)
        query = query_of(connection)
        after, before = query.get("after_id"), query.get("before_id")
        if after is not None and before is not None:
            raise InvalidRequest("Give `after_id` or `before_id`, not both.", param="before_id")
        limit = limit_of(query, _DEFAULT_LISTED, _MOST_LISTED)
        items, more = await self._desk.page(scope, limit, after=after, before=before)
        listing = {
            "data": items,
            "has_more": more,
            "first_id": items[0]["id"] if items else None,
            "last_id": items[-1]["id"] if items else None,
        }
        await connection.respond(200, [], msgspec.json.encode(listing))

    async def get(self, connection: Connection) -> None:
        scope = await scope_of(self._authenticate, connection)
        batch = await self._desk.get(scope, connection.path["id"])
        await connection.respond(200, [], msgspec.json.encode(batch))

    async def cancel(self, connection: Connection) -> None:
        scope = await scope_of(self._authenticate, connection)
        batch = await self._desk.cancel(scope, connection.path["id"])
        await connection.respond(200, [], msgspec.json.encode(batch))

    async def delete(self, connection: Connection) -> None:
        scope = await scope_of(self._authenticate, connection)
        batch_id = connection.path["id"]
        await self._desk.delete(scope, batch_id)
        gone = {"id": batch_id, "type": "message_batch_deleted"}
        await connection.respond(200, [], msgspec.json.encode(gone))

    async def results(self, connection: Connection) -> None:
        scope = await scope_of(self._authenticate, connection)
        pieces = await self._desk.results(scope, connection.path["id"])
        await connection.start(200, [(b"content-type", b"application/x-jsonl")])
        async for piece in pieces:
            await connection.write(piece, more=True)
        await connection.write(b"")
