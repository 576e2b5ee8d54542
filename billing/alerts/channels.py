"""Where alerts can go: what the settings name, resolved, so that nobody else picks hosts."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
    """All there is; a budget names webhooks of these."""

    webhooks: Mapping[str, Webhook] = field(default_factory=dict)
    mail: MailServer | None = None
    timeout_s: float = 10.0
