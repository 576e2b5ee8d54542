"""The streams of a deployment, as its settings say."""

import os
import socket
import ssl
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from core.clock import Clock
from core.database import Database
from gateway.audit.streams.otlp import OtlpReceiver
from gateway.audit.streams.record import Receiver
from gateway.audit.streams.streamer import Streamer, StreamState
from gateway.audit.streams.syslog import SyslogReceiver
from gateway.environment import secret
from gateway.errors import SettingsError
from gateway.settings import AuditStreamSettings


def open_streams(
    settings: Mapping[str, AuditStreamSettings],
    database: Database,
    clock: Clock,
    *,
    holder: str,
    observe: Callable[[StreamState], None] = lambda state: None,
    environ: Mapping[str, str] = os.environ,
) -> list[Streamer]:
    """A streamer for each, not yet started.

    Raises:
        SettingsError: a secret is not in the environment, or a certificate cannot be read.
    """
    return [
        Streamer(
            name,
            _receiver(name, stream, environ),
            database,
            clock,
            holder=holder,
            tenants=None if stream.tenants is None else frozenset(stream.tenants),
            past=stream.past,
            observe=observe,
        )
        for name, stream in settings.items()
    ]


def _receiver(name: str, stream: AuditStreamSettings, environ: Mapping[str, str]) -> Receiver:
    url, hostname = urlsplit(stream.url), _hostname()
    tls = _tls(name, stream) if url.scheme in ("tls", "https") else None
    if url.scheme in ("tcp", "tls"):
        return SyslogReceiver(url.hostname or "", url.port or 0, hostname, tls)
    authorization = None
    if stream.authorization_env is not None:
        whose = f"The audit stream {name}"
        authorization = secret(environ, stream.authorization_env, whose, "its authorization")
    return OtlpReceiver(stream.url, hostname, tls=tls, authorization=authorization)


def _tls(name: str, stream: AuditStreamSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=stream.ca_file)
        if stream.client_cert_file is not None:
            context.load_cert_chain(stream.client_cert_file, stream.client_key_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"The certificates of the audit stream {name} cannot be used "
            f"({type(error).__name__}); check ca_file, client_cert_file and client_key_file."
        ) from None
    return context


def _hostname() -> str:
    """As RFC 5424 allows it: printable ASCII without spaces; ``-`` for none."""
    name = "".join(each for each in socket.gethostname() if "!" <= each <= "~")
    return name[:255] or "-"
