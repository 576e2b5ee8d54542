"""A process that takes webhooks and mail, and alerts to send to it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from billing import AlertChannels, MailServer, Webhook
from support.processes import answers, free_port, running

SECRET = b"a key of signatures"


@dataclass(frozen=True)
class Sink:
    """The other side: a webhook and a mail server."""

    url: str
    smtp_port: int

    def script(self, **answer: Any) -> None:
        httpx.put(f"{self.url}/script", json=answer).raise_for_status()

    @property
    def posts(self) -> list[dict[str, Any]]:
        return httpx.get(f"{self.url}/seen").json()["posts"]

    @property
    def mails(self) -> list[dict[str, Any]]:
        return httpx.get(f"{self.url}/seen").json()["mails"]

    def hook(self, name: str) -> Webhook:
        return Webhook(f"{self.url}/hooks/{name}", SECRET)

    def channels(self, *, mail: dict[str, Any] | None = None, **options: Any) -> AlertChannels:
        server: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.smtp_port,
            "sender": "alerts@example.com",
            "starttls": False,
        }
        hooks = {name: self.hook(name) for name in ("finance", "ops")}
        mail_server = MailServer(**server | (mail or {}))
        return AlertChannels(**{"webhooks": hooks, "mail": mail_server, "timeout_s": 5} | options)


@pytest.fixture(scope="session")
def _sink_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    with _sink(tmp_path_factory.mktemp("sink")) as sink:
        yield sink


@pytest.fixture
def sink(_sink_process: Sink) -> Sink:
    """The other side, with an empty memory."""
    httpx.delete(f"{_sink_process.url}/seen").raise_for_status()
    return _sink_process


@pytest.fixture
def safe_sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """With a certificate that this process trusts."""
    certificate, key = _certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with _sink(tmp_path, str(certificate), str(key)) as sink:
        yield sink


@contextmanager
def _sink(directory: Path, *certificate: str) -> Iterator[Sink]:
    ports = free_port(), free_port()
    sink = Sink(f"http://127.0.0.1:{ports[0]}", ports[1])
    with running(
        [sys.executable, "-m", "support.alert_sink", *map(str, ports), *certificate],
        ready=answers(f"{sink.url}/seen"),
        log=directory / "sink.log",
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    ):
        yield sink


def _certificate(directory: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    files = directory / "certificate.pem", directory / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files
