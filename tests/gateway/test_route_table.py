"""Paths and the names in them."""

from typing import Any, cast

import pytest

from gateway.http.connection import Connection
from gateway.routes.table import Handler, RouteTable


async def _handler(connection: Connection) -> None: ...


HANDLER: Handler = _handler
TABLE = RouteTable(
    {
        "/v1/files": {"POST": HANDLER},
        "/v1/files/{id}": {"GET": HANDLER},
        "/v1/files/{id}/content": {"GET": HANDLER, "HEAD": HANDLER},
    }
)


def connection(path: str) -> Connection:
    return Connection(
        {"type": "http", "path": path, "headers": []}, cast(Any, None), cast(Any, None)
    )


@pytest.mark.parametrize(
    ("path", "methods", "names"),
    [
        ("/v1/files", {"POST"}, {}),
        ("/v1/files/file-1", {"GET"}, {"id": "file-1"}),
        ("/v1/files/file-1/content", {"GET", "HEAD"}, {"id": "file-1"}),
    ],
)
def test_a_path_is_found_with_its_names(
    path: str, methods: set[str], names: dict[str, str]
) -> None:
    asked = connection(path)
    found = TABLE.find(asked)
    assert found is not None
    assert set(found) == methods
    assert asked.path == names
    assert path in TABLE


@pytest.mark.parametrize(
    "path", ["/v1/file", "/v1/files/", "/v1/files/1/other", "/v1/files/1/2/3", ""]
)
def test_other_paths_are_not(path: str) -> None:
    assert TABLE.find(connection(path)) is None
    assert path not in TABLE
