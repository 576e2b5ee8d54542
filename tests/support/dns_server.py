"""A DNS server that answers as it is told, and a resolver of aiohttp that asks it.

    python -m support.dns_server PORT HTTP_PORT

``PUT /NAME`` with ``[[addresses of the first answer], [of the second], ...]`` scripts a name; the
last answer repeats. ``GET /NAME`` tells how often it was asked for. Answers may not be kept.
"""

import asyncio
import json
import socket
import sys
from ipaddress import ip_address

import httpx
import uvicorn
from aiohttp.abc import AbstractResolver, ResolveResult
from dnslib import AAAA, QTYPE, RCODE, RR, A, DNSRecord
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class Names(asyncio.DatagramProtocol):
    """The state of the process."""

    def __init__(self) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: dict[str, int] = {}

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = DNSRecord.parse(data)
        name = str(query.q.qname).rstrip(".")
        reply = query.reply()
        if name not in self.answers:
            reply.header.rcode = RCODE.NXDOMAIN
        elif query.q.qtype == QTYPE.A:  # a resolver asks for both kinds; one of them counts
            script = self.answers[name]
            turn = self.asked[name] = self.asked.get(name, 0) + 1
            for address in script[min(turn, len(script)) - 1]:
                kind, data_of = (QTYPE.AAAA, AAAA) if ":" in address else (QTYPE.A, A)
                reply.add_answer(RR(name, kind, rdata=data_of(address), ttl=0))
        self._transport.sendto(reply.pack(), addr)

    async def script(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.answers[name], self.asked[name] = await request.json(), 0
        return JSONResponse({})

    async def count(self, request: Request) -> Response:
        return JSONResponse(self.asked.get(request.path_params["name"], 0))


async def serve(port: int, http_port: int) -> None:
    names = Names()
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: names, local_addr=("127.0.0.1", port))
    routes = [
        Route("/names/{name}", names.script, methods=["PUT"]),
        Route("/names/{name}", names.count),
    ]
    config = uvicorn.Config(Starlette(routes=routes), port=http_port, log_level="warning")
    await uvicorn.Server(config).serve()


class DnsServer:
    """The server as a test sees it."""

    def __init__(self, port: int, http_port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{http_port}"

    def answer(self, name: str, *answers: list[str]) -> None:
        httpx.put(f"{self.url}/names/{name}", content=json.dumps(answers)).raise_for_status()

    def asked(self, name: str) -> int:
        return httpx.get(f"{self.url}/names/{name}").json()


class DnsResolver(AbstractResolver):
    """Asks that server, every time."""

    def __init__(self, server: DnsServer) -> None:
        self._port = server.port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        question = DNSRecord.question(host, "A")
        raw = await asyncio.to_thread(question.send, "127.0.0.1", self._port, timeout=5)
        found = [str(record.rdata) for record in DNSRecord.parse(bytes(raw)).rr]
        if not found:
            raise OSError("no such name")
        return [_result(host, address, port) for address in found]

    async def close(self) -> None:
        """Nothing is kept open."""


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=flags
    )


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
