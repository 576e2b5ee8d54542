"""What clients get from handlers that ask the database, while it is away: 503, come again."""

import structlog
from sqlalchemy.exc import SQLAlchemyError

from core.outages import is_away
from gateway.http.connection import Connection
from gateway.routes.table import Handler, Methods
from gateway.tenants.errors import DatabaseUnavailable

_log = structlog.get_logger(__name__)


def of_the_database(methods: Methods) -> Methods:
    """The same handlers, which raise ``DatabaseUnavailable`` where the database is away."""
    return {method: _told(handler) for method, handler in methods.items()}


def _told(handler: Handler) -> Handler:
    async def handle(connection: Connection) -> None:
        try:
            await handler(connection)
        except (SQLAlchemyError, OSError) as error:
            if connection.started or not is_away(error):
                raise
            # The error's own text may quote parameters of a statement.
            _log.warning("database.unavailable", error_type=type(error).__name__)
            raise DatabaseUnavailable(
                "What is stored cannot be reached now; try again in a few seconds."
            ) from None

    return handle
