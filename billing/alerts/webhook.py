"""Alerts as signed POST requests.

``Sovgate-Signature: t=<unix seconds>,v1=<hex>`` with ``v1`` the HMAC-SHA256 of
``<t>.<body>``: who receives it knows that it is ours, whole, and not an old one.
"""

import hashlib
import hmac
from datetime import datetime
from typing import TYPE_CHECKING

from billing.alerts.channels import Webhook
from billing.alerts.message import EVENT, AlertFacts, body
from billing.errors import AlertRefused, AlertUnreachable

if TYPE_CHECKING:
    import aiohttp

SIGNATURE_HEADER = "Sovgate-Signature"


def signature(secret: bytes, content: bytes, at: datetime) -> str:
    """The value of the header.

    >>> from datetime import UTC
    >>> signature(b"k", b"{}", datetime(2026, 11, 21, tzinfo=UTC))[:18]
    't=1795219200,v1=7e'
    """
    seconds = int(at.timestamp())
    digest = hmac.digest(secret, f"{seconds}.".encode() + content, hashlib.sha256)
    return f"t={seconds},v1={digest.hex()}"


async def post(
    client: "aiohttp.ClientSession", webhook: Webhook, facts: AlertFacts, now: datetime
) -> None:
    """Deliver one alert; any answer of 2xx will do.

    Raises:
        AlertRefused: another answer; redirects are not followed.
        AlertUnreachable: no answer in time.
    """
    import aiohttp

    content = body(facts)
    headers = {
        "Content-Type": "application/json",
        "Sovgate-Event": EVENT,
        "Sovgate-Delivery": facts.id,
        SIGNATURE_HEADER: signature(webhook.secret, content, now),
    }
    try:
        async with client.post(
            webhook.url, data=content, headers=headers, allow_redirects=False
        ) as answer:
            status = answer.status
    except (aiohttp.ClientError, OSError, TimeoutError):
        raise AlertUnreachable("The webhook does not answer.") from None
    if not 200 <= status < 300:
        raise AlertRefused(f"The webhook answered {status}; it has to answer 2xx.")
