"""Alerts as e-mail, through one SMTP server; ``smtplib`` blocks, so it runs in a thread."""

import asyncio
import smtplib
import socket
import ssl

from billing.alerts.channels import Connect, MailServer
from billing.alerts.message import AlertFacts, mail
from billing.errors import AlertRefused, AlertUnreachable


async def send(
    server: MailServer, facts: AlertFacts, recipient: str, timeout_s: float, connect: Connect
) -> None:
    """Deliver one alert to one address.

    Raises:
        AlertRefused: the server does not take it: credentials, sender, address or content.
        AlertUnreachable: no answer in time, or no TLS.
    """
    await asyncio.to_thread(_send, server, facts, recipient, timeout_s, connect)


class _Smtp(smtplib.SMTP):
    """Opens its connection by a function of ours."""

    def __init__(self, server: MailServer, timeout_s: float, connect: Connect) -> None:
        self._connect = connect
        super().__init__(server.host, server.port, timeout=timeout_s)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._connect((host, port), timeout)


def _send(
    server: MailServer, facts: AlertFacts, recipient: str, timeout_s: float, connect: Connect
) -> None:
    try:
        with _Smtp(server, timeout_s, connect) as session:
            if server.starttls:
                session.starttls(context=ssl.create_default_context())
            if server.username is not None:
                session.login(server.username, server.password or "")
            session.send_message(mail(facts, server.sender, recipient))
    except (smtplib.SMTPConnectError, smtplib.SMTPServerDisconnected):
        raise AlertUnreachable("The mail server does not answer.") from None
    except smtplib.SMTPException:
        raise AlertRefused("The mail server does not take the message.") from None
    except OSError:  # ssl.SSLError and TimeoutError among them
        raise AlertUnreachable("The mail server does not answer.") from None
