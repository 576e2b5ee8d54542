"""A server whose queue of new connections is full: whoever connects waits, and hears nothing."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_SOON_S = 0.3
_MOST = 64


@contextmanager
def full_backlog() -> Iterator[str]:
    """Its address, as of an HTTP server."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(_MOST):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(_SOON_S)
            try:
                waiting.connect(address)
            except TimeoutError:
                yield f"http://127.0.0.1:{address[1]}"
                return
        raise RuntimeError("the queue of connections does not become full")
