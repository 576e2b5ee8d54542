"""``/v1/batches``: make, list, look at and cancel batches of the key's project."""

from datetime import timedelta
from typing import Any

import msgspec

from gateway.batches.desk import ENDPOINTS, WINDOWS, BatchDesk
from gateway.batches.errors import InvalidBatch
from gateway.http.connection import Connection
from gateway.idempotency import HEADER, IdempotencyKeys
from gateway.pipeline.authenticate import Authenticate
from gateway.routes.files import lifetime_of, limit_of, page, query_of, scope_of
from gateway.surfaces.checks import decode_object

_MOST_BODY = 64 * 1024
_MOST_LABELS, _LONGEST_NAME, _LONGEST_VALUE = 16, 64, 512


class Batches:
    """``/v1/batches``."""

    def __init__(
        self, authenticate: Authenticate, desk: BatchDesk, keys: IdempotencyKeys | None
    ) -> None:
        self._authenticate = authenticate
        self._desk = desk
        self._keys = keys

    async def create(self, connection: Connection) -> None:
        if self._keys is not None and HEADER in connection.headers:
            await self._keys.serve(connection, self._authenticate.who, self._create)
        else:
            await self._create(connection)

    async def _create(self, connection: Connection) -> bool:
        scope = await scope_of(self._authenticate, connection)
        body = decode_object(await connection.read_body(_MOST_BODY))
        made = await self._desk.create(
            scope,
            input_file_id=_text(body, "input_file_id"),
            endpoint=_one_of(body, "endpoint", ENDPOINTS),
            completion_window=_one_of(body, "completion_window", tuple(WINDOWS)),
            labels=_labels(body.get("metadata")),
            output_lifetime=_lifetime(body.get("output_expires_after")),
        )
        await connection.respond(200, [], msgspec.json.encode(made))
        return True

    async def index(self, connection: Connection) -> None:
        scope = await scope_of(self._authenticate, connection)
        query = query_of(connection)
        items, more = await self._desk.page(scope, query.get("after"), limit_of(query, 20, 100))
        await connection.respond(200, [], page(items, more=more))

    async def get(self, connection: Connection) -> None:
        scope = await scope_of(self._authenticate, connection)
        batch = await self._desk.get(scope, connection.path["id"])
        await connection.respond(200, [], msgspec.json.encode(batch))

    async def cancel(self, connection: Connection) -> None:
        scope = await scope_of(self._authenticate, connection)
        batch = await self._desk.cancel(scope, connection.path["id"])
        await connection.respond(200, [], msgspec.json.encode(batch))


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidBatch(f"`{name}` must be a text.", param=name)
    return value


def _one_of(body: dict[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = _text(body, name)
    if value not in known:
        raise InvalidBatch(f"`{name}` must be one of {', '.join(known)}.", param=name)
    return value


def _labels(given: object) -> dict[str, str] | None:
    if given is None:
        return None
    labels: dict[str, Any] = given if isinstance(given, dict) else {}
    fits = isinstance(given, dict) and len(labels) <= _MOST_LABELS
    if not fits or not all(_is_label(name, value) for name, value in labels.items()):
        raise InvalidBatch(
            f"`metadata` takes {_MOST_LABELS} texts of {_LONGEST_VALUE} characters, under names"
            f" of {_LONGEST_NAME}.",
            param="metadata",
        )
    return labels


def _is_label(name: str, value: object) -> bool:
    return len(name) <= _LONGEST_NAME and isinstance(value, str) and len(value) <= _LONGEST_VALUE


def _lifetime(given: object) -> timedelta | None:
    if given is None:
        return None
    content = given if isinstance(given, dict) else {}
    return lifetime_of(content.get("anchor"), content.get("seconds"), "output_expires_after")
