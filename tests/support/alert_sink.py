"""A webhook and a mail server that keep what they got, as one process.

    python -m support.alert_sink HTTP_PORT SMTP_PORT [CERTIFICATE KEY]

``POST /hooks/NAME`` answers as ``PUT /script`` said last (``{"status", "delay_s",
"location"}``), ``GET /seen`` gives requests and mails, ``DELETE /seen`` forgets all.
Addresses at ``refused.example`` are refused. With a certificate the mail server wants
STARTTLS, and the account ``sovgate`` with the password ``a mail password``.
"""

import asyncio
import ssl
import sys
from typing import Any

import uvicorn
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ACCOUNT, PASSWORD = b"sovgate", b"a mail password"


class AlertSink:
    """The state of the process."""

    def __init__(self) -> None:
        self.script: dict[str, Any] = {"status": 204}
        self.posts: list[dict[str, Any]] = []
        self.mails: list[dict[str, Any]] = []

    async def hook(self, request: Request) -> Response:
        body = (await request.body()).decode()
        headers = dict(request.headers)
        self.posts.append({"path": request.url.path, "headers": headers, "body": body})
        await asyncio.sleep(self.script.get("delay_s", 0))
        location = self.script.get("location")
        headers = {"location": location} if location else None
        return Response(status_code=self.script["status"], headers=headers)

    async def forget(self, request: Request) -> Response:
        self.script, self.posts, self.mails = {"status": 204}, [], []
        return JSONResponse({})

    async def configure(self, request: Request) -> Response:
        self.script = await request.json()
        return JSONResponse({})

    async def seen(self, request: Request) -> Response:
        return JSONResponse({"posts": self.posts, "mails": self.mails})

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address.endswith("@refused.example"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        content = envelope.content.decode()
        self.mails.append({"to": envelope.rcpt_tos, "tls": bool(session.ssl), "content": content})
        return "250 OK"


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (ACCOUNT, PASSWORD)
    return AuthResult(success=known)


def make_app(sink: AlertSink) -> Starlette:
    return Starlette(
        routes=[
            Route("/hooks/{name}", sink.hook, methods=["POST"]),
            Route("/script", sink.configure, methods=["PUT"]),
            Route("/seen", sink.seen),
            Route("/seen", sink.forget, methods=["DELETE"]),
        ]
    )


async def serve(http_port: int, smtp_port: int, certificate: list[str]) -> None:
    sink, options = AlertSink(), {}
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        options = {
            "tls_context": context,
            "require_starttls": True,
            "auth_required": True,
            "authenticator": authenticate,
        }
    loop = asyncio.get_running_loop()
    mail = await loop.create_server(lambda: SMTP(sink, **options), "127.0.0.1", smtp_port)
    config = uvicorn.Config(make_app(sink), port=http_port, log_level="warning")
    async with mail:
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
