"""An upstream behind TLS whose certificate is no good: docs/degradation.md."""

import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.books import settled_books
from support.deployment import Capture, gateway, settings
from support.faults import Site
from support.faulty_upstream import answer
from support.processes import free_port


class Signer(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def write(self, file: Path) -> Path:
        """Both as PEM in one file."""
        form, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        key = self.key.private_bytes(form, serialization.PrivateFormat.PKCS8, plain)
        file.write_bytes(self.certificate.public_bytes(form) + key)
        return file


def signed(name: str, by: Signer | None, *, days: int = 1) -> Signer:
    """A certificate for a host; without a signer one that signs itself, as an authority does."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
    )
    return Signer(builder.sign(key if by is None else by.key, hashes.SHA256()), key)


class _Handler(BaseHTTPRequestHandler):
    """Answers properly; TLS is what is at stake."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(b'{"object": "list", "data": []}')

    def do_POST(self) -> None:

        self.rfile.read(int(self.headers["content-length"]))
        self._send(json.dumps(answer()).encode())

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")  # a kept connection keeps its certificate
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class TlsUpstream:
    """A real TLS server whose certificate can be exchanged while it runs."""

    def __init__(self, port: int) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.upstream = self

    def shows(self, signer: Signer, file: Path) -> None:
        """From the next connection on."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(signer.write(file))

    def run(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    upstream: TlsUpstream

    def finish_request(self, request: object, client_address: object) -> None:
        # In the connection's own thread, so that a client that refuses holds nobody up.
        try:
            secured = self.upstream.context.wrap_socket(request, server_side=True)  # type: ignore[arg-type]
        except OSError:
            return
        with secured:
            super().finish_request(secured, client_address)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def authority() -> Signer:
    return signed("authority.example", None, days=30)


@pytest.fixture(scope="module")
def upstream_and_site(
    tmp_path_factory: pytest.TempPathFactory, authority: Signer
) -> Iterator[tuple[TlsUpstream, Site, Path]]:
    directory = tmp_path_factory.mktemp("gateway")
    port = free_port()
    upstream = TlsUpstream(port)
    thread = threading.Thread(target=upstream.run, daemon=True)
    thread.start()
    trusted = directory / "authority.pem"
    trusted.write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
    content = settings(directory, f"https://localhost:{port}")
    upstream.shows(signed("localhost", authority), directory / "first.pem")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(trusted))
        with gateway(directory, content) as deployment:
            yield (
                upstream,
                Site(deployment, Capture(content["upstreams"][0]["base_url"])),
                directory,
            )
    upstream.close()
    thread.join()


@pytest.mark.parametrize(
    ("what", "name", "by_authority", "days"),
    [
        ("expired", "localhost", True, -1),
        ("of_another_host", "elsewhere.example", True, 1),
        ("signed_by_itself", "localhost", False, 1),
    ],
)
def test_certificate(
    upstream_and_site: tuple[TlsUpstream, Site, Path],
    authority: Signer,
    what: str,
    name: str,
    by_authority: bool,
    days: int,
) -> None:
    upstream, site, directory = upstream_and_site
    by = authority if by_authority else None
    upstream.shows(signed(name, by, days=days), directory / f"{what}.pem")
    refused = site.refuses(502, "upstream_untrusted")
    upstream.shows(signed("localhost", authority), directory / f"after-{what}.pem")
    answer = site.ask()
    assert answer.is_complete, answer.text
    books = settled_books(site.deployment, site.answered)
    for each in refused:
        record = books.records[each.id]
        assert (record["outcome"], record["error_code"]) == ("error", "upstream_untrusted")
        assert books.cost(each.id) == 0
    assert books.cost(answer.id) > 0
