"""``/v1/files``: upload, list, look at, read and delete files of the key's project."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import msgspec

from gateway.errors import InvalidRequest
from gateway.files import FileScope, FileStore, FileWriter, StoredFile
from gateway.files.errors import InvalidFile
from gateway.http.connection import Connection
from gateway.http.multipart import Sink, read_form
from gateway.pipeline.authenticate import Authenticate
from gateway.tenants.keys import Principal

PURPOSES = frozenset({"assistants", "batch", "fine-tune", "vision", "user_data", "evals"})
BATCH_OUTPUT = "batch_output"
_MOST_LISTED = 10_000
_LEAST_LIFE_S, _MOST_LIFE_S = 3600, 30 * 24 * 3600


class Files:
    """``/v1/files``."""

    def __init__(self, authenticate: Authenticate, store: FileStore) -> None:
        self._authenticate = authenticate
        self._store = store

    async def create(self, connection: Connection) -> None:
        scope = await scope_of(self._authenticate, connection)
        writers: list[FileWriter] = []

        async def begin(fields: dict[str, str], name: str) -> Sink:
            writers.append(await self._store.create(scope, name=name))
            return writers[0].write

        try:
            made = await self._finish(writers, await read_form(connection, "file", begin))
        except BaseException:
            for writer in writers:
                await writer.drop()
            raise
        await connection.respond(200, [], msgspec.json.encode(made.to_json()))

    async def index(self, connection: Connection) -> None:
        scope = await scope_of(self._authenticate, connection)
        query = query_of(connection)
        files, more = await self._store.page(
            scope,
            purpose=query.get("purpose"),
            after=query.get("after"),
            limit=limit_of(query, _MOST_LISTED, _MOST_LISTED),
            newest_first=_newest_first(query),
        )
        await connection.respond(200, [], page([file.to_json() for file in files], more=more))

    async def get(self, connection: Connection) -> None:
        scope = await scope_of(self._authenticate, connection)
        file = await self._store.get(scope, connection.path["id"])
        await connection.respond(200, [], msgspec.json.encode(file.to_json()))

    async def delete(self, connection: Connection) -> None:
        scope = await scope_of(self._authenticate, connection)
        file_id = connection.path["id"]
        await self._store.delete(scope, file_id)
        gone = {"id": file_id, "object": "file", "deleted": True}
        await connection.respond(200, [], msgspec.json.encode(gone))

    async def content(self, connection: Connection) -> None:
        scope = await scope_of(self._authenticate, connection)
        reader = await self._store.reader(scope, connection.path["id"])
        await connection.start(
            200,
            [
                (b"content-type", b"application/octet-stream"),
                (b"content-length", str(reader.size).encode()),
            ],
        )
        async for piece in reader.pieces():
            await connection.write(piece, more=True)
        await connection.write(b"")

    async def _finish(self, writers: list[FileWriter], fields: dict[str, str]) -> StoredFile:
        purpose, lifetime = _purpose(fields), _lifetime(fields)
        (writer,) = writers
        await writer.flush()
        async with self._store.database.transaction() as session:
            return await writer.finish(session, purpose, lifetime)


async def scope_of(authenticate: Authenticate, connection: Connection) -> FileScope:
    """Whose project; raises ``AuthenticationError``."""
    principal, _ = await authenticate.who(connection)
    return scope_of_principal(principal)


def scope_of_principal(principal: Principal) -> FileScope:
    return FileScope(principal.tenant, principal.project_id, principal.key_id)


def query_of(connection: Connection) -> dict[str, str]:
    """The last value of each parameter."""
    text = connection.scope.get("query_string", b"").decode("latin-1")
    return {name: values[-1] for name, values in parse_qs(text).items()}


def limit_of(query: dict[str, str], default: int, most: int) -> int:
    """Raises ``InvalidRequest``."""
    text = query.get("limit", str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise InvalidRequest(f"`limit` must be a whole number from 1 to {most}.", param="limit")
    return int(text)


def page(items: list[dict[str, Any]], *, more: bool) -> bytes:
    """A list as OpenAI pages it."""
    return msgspec.json.encode(
        {
            "object": "list",
            "data": items,
            "first_id": items[0]["id"] if items else None,
            "last_id": items[-1]["id"] if items else None,
            "has_more": more,
        }
    )


def lifetime_of(anchor: object, seconds: object, param: str) -> timedelta:
    """``expires_after``.

    Raises:
        InvalidFile: it does not count from ``created_at``, or is too short or long.
    """
    fits = isinstance(seconds, int) and _LEAST_LIFE_S <= seconds <= _MOST_LIFE_S
    if anchor != "created_at" or not fits:
        raise InvalidFile(
            f"`{param}` takes the anchor created_at and from {_LEAST_LIFE_S} to {_MOST_LIFE_S}"
            " seconds.",
            param=param,
        )
    assert isinstance(seconds, int)
    return timedelta(seconds=seconds)


def _purpose(fields: dict[str, str]) -> str:
    purpose = fields.get("purpose", "")
    if purpose not in PURPOSES:
        known = ", ".join(sorted(PURPOSES))
        raise InvalidFile(f"`purpose` must be one of {known}.", param="purpose")
    return purpose


def _lifetime(fields: dict[str, str]) -> timedelta | None:
    anchor = fields.get("expires_after[anchor]")
    seconds = fields.get("expires_after[seconds]")
    if anchor is None and seconds is None:
        return None
    fits = seconds is not None and seconds.isascii() and seconds.isdigit() and len(seconds) < 12
    return lifetime_of(anchor, int(seconds) if fits and seconds else None, "expires_after")


def _newest_first(query: dict[str, str]) -> bool:
    order = query.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise InvalidRequest("`order` must be asc or desc.", param="order")
    return order == "desc"
