"""Whether the database answers: asked at start, and every few seconds from then on.

It decides nothing on the request path, where each part knows what it can do without the
database; readiness, metrics and the log show what it saw.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core.clock import Clock
from core.database import Database
from core.outages import is_away
from core.tasks import cancel
from gateway.tenants.errors import DatabaseUnavailable

INTERVAL_S = 2.0
_FIRST_RETRY_S = 0.1
_LAST_RETRY_S = 2.0
_log = structlog.get_logger(__name__)


async def once_it_answers(
    work: Callable[[], Awaitable[None]], clock: Clock, timeout_s: float
) -> None:
    """Do ``work``, again and again while the database is away; it must bear repetition.

    Raises:
        DatabaseUnavailable: it was away for ``timeout_s``.
    """
    deadline = clock.monotonic() + timeout_s
    pause_s = _FIRST_RETRY_S
    while True:
        try:
            return await work()
        except (SQLAlchemyError, OSError) as error:
            if not is_away(error):
                raise
            if clock.monotonic() >= deadline:
                raise DatabaseUnavailable(
                    f"The database does not answer ({type(error).__name__}); check database.url"
                    " and that the server runs and takes connections."
                ) from error
            _log.warning("database.not_ready", error=type(error).__name__)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _LAST_RETRY_S)


class DatabaseWatch:
    """Asks the database the simplest question; made by ``start``, taken down by ``stop``.

    Attributes:
        answers: whether it did, the last time.
    """

    def __init__(self, database: Database, interval_s: float = INTERVAL_S) -> None:
        self.answers = True
        self._database = database
        self._interval_s = interval_s
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="database-watch")

    async def stop(self) -> None:
        await cancel(self._task)

    async def look(self) -> None:
        """Ask now."""
        try:
            async with self._database.session() as session:
                await session.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError) as error:
            if self.answers:
                _log.error("database.away", error=type(error).__name__)
            self.answers = False
        else:
            if not self.answers:
                _log.info("database.back")
            self.answers = True

    async def _watch(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._interval_s)
