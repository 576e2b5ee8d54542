"""Delivers the alerts that are due, each target at least once.

An alert is claimed before it is sent and noted after, so a process that dies between
the two leads to a second delivery, under the same ``Sovgate-Delivery`` or ``Message-ID``.
A target that has it is not asked again when another one has failed.
"""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from billing.alerts import mailing, webhook
from billing.alerts.channels import AlertChannels
from billing.alerts.repository import Claimed, claim_due, get_alert
from billing.alerts.rule import AlertRule
from billing.errors import AlertError, UnknownChannel
from core.clock import Clock
from core.database import Database

if TYPE_CHECKING:
    import aiohttp

MAX_ATTEMPTS = 8
_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=1)
# Longer than all targets of an alert can take: ten of each, with a time-out each.
_CLAIM = timedelta(minutes=10)
_AT_ONCE = 16

_log = structlog.get_logger(__name__)
Send = Callable[[], Coroutine[Any, Any, None]]


async def deliver_alerts(
    database: Database, clock: Clock, channels: AlertChannels
) -> dict[str, int]:
    """Send what is due; ``{"sent", "retried", "failed"}`` count alerts.

    What fails is tried again after 1, 2, 4, ... minutes (an hour at most), and given up
    with the error's code after eight attempts in all. Any number of processes may run it.
    """
    import aiohttp

    counts = {"sent": 0, "retried": 0, "failed": 0}
    timeout = aiohttp.ClientTimeout(total=channels.timeout_s)
    connector = channels.connector() if channels.connector else None
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as client:
        while True:
            async with database.transaction() as session:
                batch = await claim_due(session, clock.now(), _CLAIM, _AT_ONCE)
            if not batch:
                return counts
            delivery = partial(_deliver, database, clock, channels, client)
            for outcome in await asyncio.gather(*(delivery(claimed) for claimed in batch)):
                counts[outcome] += 1


def backoff(attempts: int) -> timedelta:
    """
    >>> [backoff(attempts).seconds // 60 for attempts in (1, 2, 3, 7, 8)]
    [1, 2, 4, 60, 60]
    """
    return min(_FIRST_WAIT * 2 ** (attempts - 1), _LONGEST_WAIT)


async def _deliver(
    database: Database,
    clock: Clock,
    channels: AlertChannels,
    client: "aiohttp.ClientSession",
    claimed: Claimed,
) -> str:
    targets = _targets(claimed, channels, client, clock)
    wanted = [name for name in targets if name not in claimed.delivered]
    results = await asyncio.gather(*(targets[name]() for name in wanted), return_exceptions=True)
    outcomes = dict(zip(wanted, results, strict=True))
    status = await _note(database, clock, claimed, outcomes)
    for result in results:
        if result is not None and not isinstance(result, AlertError):
            raise result
    return status


async def _note(
    database: Database,
    clock: Clock,
    claimed: Claimed,
    outcomes: Mapping[str, BaseException | None],
) -> str:
    errors = [error for error in outcomes.values() if error is not None]
    code = getattr(errors[0], "code", AlertError.code) if errors else None
    now = clock.now()
    async with database.transaction() as session:
        alert = await get_alert(session, claimed.facts.id)
        alert.delivered = [
            *claimed.delivered,
            *(name for name, error in outcomes.items() if error is None),
        ]
        alert.error_code = code
        if not errors:
            alert.status, alert.sent_at, alert.next_attempt_at = "sent", now, None
        elif claimed.attempts >= MAX_ATTEMPTS:
            alert.status, alert.next_attempt_at = "failed", None
        else:
            alert.next_attempt_at = now + backoff(claimed.attempts)
        status = alert.status
    if errors:
        _log.warning(
            "alert_not_delivered",
            alert=claimed.facts.id,
            code=code,
            attempts=claimed.attempts,
        )
    return "retried" if status == "pending" else status


def _targets(
    claimed: Claimed,
    channels: AlertChannels,
    client: "aiohttp.ClientSession",
    clock: Clock,
) -> dict[str, Send]:
    """How to reach each target, under the name by which ``delivered`` knows it."""
    rule, facts = AlertRule.of(claimed.rule), claimed.facts
    targets: dict[str, Send] = {}
    for name in rule.webhooks:
        hook = channels.webhooks.get(name)
        send = partial(webhook.post, client, hook, facts, clock.now()) if hook else _nowhere
        targets[f"webhook:{name}"] = send
    for address in rule.emails:
        name = hashlib.sha256(address.encode()).hexdigest()[:16]
        server = channels.mail
        send = (
            partial(mailing.send, server, facts, address, channels.timeout_s, channels.connect)
            if server
            else _nowhere
        )
        targets[f"email:{name}"] = send
    return targets


async def _nowhere() -> None:
    raise UnknownChannel("The settings have no such webhook, or no mail server.")
