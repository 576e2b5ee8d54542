"""Which errors mean that the database is away, and which that we asked it something wrong."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# By class of SQLSTATE: connection lost, read-only, out of resources, not in a state for it,
# stopped by an operator or starting up, input or output failed.
_AWAY = ("08", "25006", "53", "55", "57", "58")
# Of a folder that is missing or closed to us; no server's doing.
_OF_FILES = (FileNotFoundError, FileExistsError, PermissionError, NotADirectoryError)


def is_away(error: BaseException) -> bool:
    """Whether the database does not answer or does not write now, and may do so later."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None)
        if isinstance(state, str):
            return state.startswith(_AWAY)
        return isinstance(error, OperationalError | InterfaceError)
    return isinstance(error, OSError | PoolTimeout) and not isinstance(error, _OF_FILES)
