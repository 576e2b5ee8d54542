"""Where alerts can go: what the settings name, resolved, so that nobody else picks hosts."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiohttp

Connect = Callable[[tuple[str, int], float], socket.socket]


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that gets a signed POST; ``secret`` is the key of the signature."""

    url: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """An SMTP server. Without ``starttls`` the connection is plain."""

    host: str
    port: int
    sender: str
    starttls: bool = True
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChannels:
    """All there is; a budget names webhooks of these.

    Args:
        connector: makes the connector of the webhooks' connections, which may refuse addresses.
        connect: opens the mail server's, with a time-out in seconds.
    """

    webhooks: Mapping[str, Webhook] = field(default_factory=dict)
    mail: MailServer | None = None
    timeout_s: float = 10.0
    connector: "Callable[[], aiohttp.BaseConnector] | None" = None
    connect: Connect = socket.create_connection
