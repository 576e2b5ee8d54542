"""Connections are pinned to the address that was checked: against a real DNS server that
answers differently the second time, with real servers on several loopback addresses."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.egress import (
    AddressRules,
    Dial,
    Trust,
    guarded_connect,
    guarded_connector,
    guarded_dial,
)
from gateway.egress.addresses import parse_networks
from support.dns_server import DnsResolver, DnsServer
from support.processes import answers, free_port, running

OPEN, SECRET = "127.0.0.2", "127.0.0.1"  # one is allowed, the other must never hear of us
RULES = AddressRules(Trust.ADMINISTRATOR, parse_networks([f"{OPEN}/32"]))
NAME = "models.corp.test"


@pytest.fixture(scope="module")
def dns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DnsServer]:
    port, http_port = free_port(), free_port()
    server = DnsServer(port, http_port)
    with running(
        [sys.executable, "-m", "support.dns_server", str(port), str(http_port)],
        ready=answers(f"{server.url}/names/ready"),
        log=tmp_path_factory.mktemp("dns") / "dns.log",
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    ):
        yield server


class Site:
    """A server on both addresses, at one port."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.calls: list[str] = []  # the address at which each one came in
        self.connections: list[str] = []


@asynccontextmanager
async def _site(tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    site = Site(free_port())

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        site.calls.append(request.transport.get_extra_info("sockname")[0])
        if request.path == "/away":
            raise web.HTTPFound(f"http://{SECRET}:{site.port}/secret")
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    for address in (OPEN, SECRET):
        await web.TCPSite(runner, address, site.port, ssl_context=tls).start()
    yield site
    await runner.cleanup()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with _site() as site:
        yield site


@asynccontextmanager
async def _client(
    dns: DnsServer, rules: AddressRules = RULES
) -> AsyncIterator[aiohttp.ClientSession]:
    connector = guarded_connector(rules, "test", resolver=DnsResolver(dns), force_close=True)
    async with aiohttp.ClientSession(connector=connector) as client:
        yield client


async def test_a_name_that_changes_its_answer_reaches_nothing_new(
    dns: DnsServer, site: Site
) -> None:
    """DNS rebinding: fit when it is checked, ours a moment later."""
    dns.answer(NAME, [OPEN], [SECRET])
    async with _client(dns) as client:
        url = f"http://{NAME}:{site.port}/"
        async with client.get(url, allow_redirects=False) as answer:
            assert await answer.text() == "here"
        assert dns.asked(NAME) == 1  # once: there is no second look-up to lie to
        client.connector.clear_dns_cache()  # type: ignore[union-attr]
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.get(url, allow_redirects=False)
    assert dns.asked(NAME) == 2
    assert site.calls == [OPEN]


async def test_many_connections_while_the_answers_alternate(dns: DnsServer, site: Site) -> None:
    dns.answer(NAME, *[[OPEN], [SECRET]] * 20)
    async with _client(dns) as client:

        async def call() -> str:
            client.connector.clear_dns_cache()  # type: ignore[union-attr]
            try:
                async with client.get(f"http://{NAME}:{site.port}/") as answer:
                    return await answer.text()
            except aiohttp.ClientConnectorError:
                return "refused"

        outcomes = [await call() for _ in range(20)]
        outcomes += await asyncio.gather(*(call() for _ in range(20)))
    assert set(outcomes) == {"here", "refused"}
    assert set(site.calls) == {OPEN}


@pytest.mark.parametrize(
    "addresses",
    [[OPEN, SECRET], [SECRET, OPEN], ["8.8.8.8", "::1"], ["169.254.169.254"], ["::ffff:7f00:1"]],
)
async def test_one_bad_address_spoils_a_name(
    dns: DnsServer, site: Site, addresses: list[str]
) -> None:
    dns.answer(NAME, addresses)
    async with _client(dns) as client:
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.get(f"http://{NAME}:{site.port}/")
    assert site.calls == []


@pytest.mark.parametrize(
    "host", [SECRET, "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "localhost"]
)
async def test_addresses_in_the_url_itself(site: Site, host: str) -> None:
    """The system's own resolver; literals never reach a resolver."""
    connector = guarded_connector(RULES, "test")
    async with aiohttp.ClientSession(connector=connector) as client:
        with pytest.raises((aiohttp.ClientConnectorError, aiohttp.InvalidURL)):
            await client.get(f"http://{host}:{site.port}/")
    assert site.calls == []


async def test_a_redirect_to_a_forbidden_address_ends_there(dns: DnsServer, site: Site) -> None:
    """Nobody here follows redirects; even one that is followed meets the guard."""
    dns.answer(NAME, [OPEN])
    async with _client(dns) as client:
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.get(f"http://{NAME}:{site.port}/away", allow_redirects=True)
    assert site.calls == [OPEN]


async def test_tls_verifies_the_name_of_the_url(dns: DnsServer, tmp_path: Path) -> None:
    """Pinned to an address, but the certificate must be the name's."""
    server_side, client_side = _certificate(tmp_path, NAME)
    async with _site(server_side) as site:
        dns.answer(NAME, [OPEN])
        dns.answer("other.corp.test", [OPEN])
        async with _client(dns) as client:
            url = f"https://{NAME}:{site.port}/"
            async with client.get(url, ssl=client_side) as answer:
                assert await answer.text() == "here"
            for host, trusted in (("other.corp.test", client_side), (NAME, True)):
                with pytest.raises(aiohttp.ClientConnectorCertificateError):
                    await client.get(f"https://{host}:{site.port}/", ssl=trusted)
        assert site.calls == [OPEN]


async def test_a_dial_is_pinned_and_verifies_the_name(dns: DnsServer, tmp_path: Path) -> None:
    """What upstreams are called by: looked up once, all addresses fit, the name's certificate."""
    server_side, client_side = _certificate(tmp_path, NAME)
    asked = DnsResolver(dns)

    async def resolve(host: str, port: int) -> list[str]:
        return [each["host"] for each in await asked.resolve(host, port)]

    dial = guarded_dial(RULES, "test", resolve=resolve)
    async with _site(server_side) as site:
        dns.answer(NAME, [OPEN], [SECRET], [OPEN, SECRET], [OPEN])
        await _dialled(dial, NAME, site.port, client_side)
        for _ in range(2):  # the second address, then both
            with pytest.raises(OSError, match="out of bounds"):
                await _dialled(dial, NAME, site.port, client_side)
        with pytest.raises(ssl.SSLCertVerificationError):
            await _dialled(dial, NAME, site.port, ssl.create_default_context())
        dns.answer("other.corp.test", [OPEN])
        with pytest.raises(ssl.SSLCertVerificationError):
            await _dialled(dial, "other.corp.test", site.port, client_side)
        with pytest.raises(OSError, match="out of bounds"):
            await _dialled(guarded_dial(RULES, "test"), SECRET, site.port, None)


async def _dialled(dial: Dial, host: str, port: int, tls: ssl.SSLContext | None) -> None:
    transports: list[asyncio.Transport] = []

    class Kept(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transports.append(cast(asyncio.Transport, transport))

    await dial(Kept, host, port, tls)
    assert transports[0].get_extra_info("peername") == (OPEN, port)
    transports[0].abort()


async def test_plain_sockets_are_guarded_too(site: Site) -> None:
    """The mail server's connection."""
    strict, file = guarded_connect(RULES, "test"), guarded_connect(AddressRules(Trust.FILE), "test")
    for host in (SECRET, "localhost", "169.254.169.254"):
        with pytest.raises(OSError, match="out of bounds"):
            await asyncio.to_thread(strict, (host, site.port), 5)
    opened = await asyncio.to_thread(file, (SECRET, site.port), 5)
    assert opened.getpeername() == (SECRET, site.port)
    opened.close()
    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(file, (SECRET, _closed_port()), 5)


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind((SECRET, 0))
        return probe.getsockname()[1]


def _certificate(directory: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for ``name``, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain = directory / "certificate.pem"
    chain.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return server, ssl.create_default_context(cafile=str(chain))


def test_the_addresses_of_these_tests_differ_for_the_rules() -> None:
    assert RULES.refusal(OPEN) is None
    assert RULES.refusal(SECRET) == "private"
    assert ipaddress.ip_address(SECRET).is_loopback
