"""The connector under every outgoing HTTP call: looks up once, checks, connects to just that.

A name is resolved once for a connection, every address it has is checked, and the connection
goes to one of those: a second look-up that could answer otherwise (DNS rebinding) does not
happen. The socket is made for the address that is about to be connected to and checks it once
more, so that no way through the library leads around. TLS verifies the host's name as ever.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import structlog

from gateway.egress.addresses import AddressRules

if TYPE_CHECKING:
    import ssl

    import aiohttp
    from aiohttp.abc import AbstractResolver

Connect = Callable[[tuple[str, int], float], socket.socket]
# Protocol factory, host, port, TLS -> the protocol, connected.
Dial = Callable[..., Awaitable[asyncio.BaseProtocol]]
Resolve = Callable[[str, int], Awaitable[list[str]]]
_log = structlog.get_logger(__name__)


class ConnectionRefusedHere(OSError):
    """The rules forbid the address; to the caller the same as a server that does not answer."""


def guarded_connector(
    rules: AddressRules, owner: str, *, resolver: "AbstractResolver | None" = None, **options: Any
) -> "aiohttp.TCPConnector":
    """A connector that connects to nothing that ``rules`` refuse; call it in the event loop.

    Args:
        owner: whose connections they are, for the log.
        resolver: asks for the addresses; the system's by default.
        options: of ``aiohttp.TCPConnector``.
    """
    import aiohttp
    from aiohttp.abc import AbstractResolver, ResolveResult

    guard = _Guard(rules, owner)

    class GuardedResolver(AbstractResolver):
        """All addresses of a name must be fit: whoever mixes good and bad ones is up to no good."""

        def __init__(self) -> None:
            self._inner = resolver or aiohttp.ThreadedResolver()

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            found = await self._inner.resolve(host, port, family)
            for each in found:
                guard.check(each["host"])
            return found

        async def close(self) -> None:
            await self._inner.close()

    return aiohttp.TCPConnector(
        resolver=GuardedResolver(), socket_factory=guard.make_socket, **options
    )


def guarded_connect(rules: AddressRules, owner: str) -> Connect:
    """``socket.create_connection`` that connects to nothing that ``rules`` refuse."""
    guard = _Guard(rules, owner)

    def connect(target: tuple[str, int], timeout: float) -> socket.socket:
        host, port = target
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for *_, address in found:
            guard.check(str(address[0]))
        problem = OSError("no address")
        for family, kind, protocol, _, address in found:
            opened = socket.socket(family, kind, protocol)
            try:
                opened.settimeout(timeout)
                opened.connect(address)
            except OSError as error:
                opened.close()
                problem = error
            else:
                return opened
        raise problem

    return connect


def guarded_dial(rules: AddressRules, owner: str, *, resolve: Resolve | None = None) -> Dial:
    """``loop.create_connection`` that connects to nothing that ``rules`` refuse.

    Args:
        resolve: asks for the addresses; the system by default.
    """
    guard = _Guard(rules, owner)

    async def dial(
        protocol: Callable[[], asyncio.Protocol],
        host: str,
        port: int,
        tls: "ssl.SSLContext | None" = None,
    ) -> asyncio.BaseProtocol:
        loop = asyncio.get_running_loop()
        problem = OSError("no address")
        for address in await _addresses(guard, host, port, resolve):
            try:
                _, made = await loop.create_connection(
                    protocol, address, port, ssl=tls, server_hostname=host if tls else None
                )
            except OSError as error:
                problem = error
            else:
                return made
        raise problem

    return dial


async def guarded_open(
    rules: AddressRules, owner: str, host: str, port: int, **options: Any
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """``asyncio.open_connection`` that connects to nothing that ``rules`` refuse.

    Args:
        options: with ``ssl``, the certificate must be that of ``host``.
    """
    addresses = await _addresses(_Guard(rules, owner), host, port)
    if options.get("ssl"):
        options["server_hostname"] = host
    problem = OSError("no address")
    for address in addresses:
        try:
            return await asyncio.open_connection(address, port, **options)
        except OSError as error:
            problem = error
    raise problem


async def _addresses(
    guard: "_Guard", host: str, port: int, resolve: Resolve | None = None
) -> list[str]:
    """All that a name has, looked up once; every one of them is fit."""
    if resolve is None:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(address[0]) for *_, address in found]
    else:
        addresses = await resolve(host, port)
    for address in addresses:
        guard.check(address)
    return list(dict.fromkeys(addresses))


class _Guard:
    def __init__(self, rules: AddressRules, owner: str) -> None:
        self._rules = rules
        self._owner = owner
        self._told: set[str] = set()

    def check(self, address: str) -> None:
        """Raises: ConnectionRefusedHere."""
        reason = self._rules.refusal(address)
        if reason is None:
            return
        if reason not in self._told:  # health checks come every few seconds
            self._told.add(reason)
            _log.warning("egress.refused", owner=self._owner, reason=reason)
        raise ConnectionRefusedHere("the address is out of bounds")

    def make_socket(self, info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        self.check(address[0])
        return socket.socket(family=family, type=kind, proto=protocol)
