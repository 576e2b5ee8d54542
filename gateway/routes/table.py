"""Path -> what answers there, with names for the parts of a path that vary."""

from collections.abc import Awaitable, Callable, Mapping

from gateway.http.connection import Connection

Handler = Callable[[Connection], Awaitable[None]]
Methods = Mapping[str, Handler]


class RouteTable:
    """Finds the methods of a path.

    Args:
        routes: template -> method -> handler. A template is a path in which ``{name}``
            stands for one segment; paths without one are found in one step.
    """

    def __init__(self, routes: Mapping[str, Methods]) -> None:
        self._exact = {path: methods for path, methods in routes.items() if "{" not in path}
        self._templates = [
            (tuple(path.split("/")), methods) for path, methods in routes.items() if "{" in path
        ]

    def __contains__(self, path: str) -> bool:
        return path in self._exact or self._match(path) is not None

    def find(self, connection: Connection) -> Methods | None:
        """The methods of the connection's path; what its names stand for goes to ``path``."""
        methods = self._exact.get(connection.scope["path"])
        if methods is not None:
            return methods
        match = self._match(connection.scope["path"])
        if match is None:
            return None
        methods, connection.path = match
        return methods

    def _match(self, path: str) -> tuple[Methods, dict[str, str]] | None:
        segments = path.split("/")
        for template, methods in self._templates:
            if len(template) != len(segments):
                continue
            names: dict[str, str] = {}
            for want, have in zip(template, segments, strict=True):
                if want.startswith("{") and have:
                    names[want[1:-1]] = have
                elif want != have:
                    break
            else:
                return methods, names
        return None
