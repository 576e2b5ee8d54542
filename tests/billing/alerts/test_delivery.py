"""Alerts over real HTTP and SMTP: signed, once per target, tried again, given up."""

import asyncio
import email
import email.policy
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest

from billing import AlertChannels, AlertRule, AlertView, Webhook, deliver_alerts, list_alerts
from billing.alerts.delivery import MAX_ATTEMPTS, backoff
from tests.billing.alerts.conftest import SECRET, Sink

_BOTH = AlertRule((50, 80), ("finance",), ("cfo@example.com", "ops@example.com"))


async def _reach(stage: Any, rule: AlertRule, cents: int = 60, **options: Any) -> str:
    """A budget of 1.00 of which so much is spent."""
    budget_id = await stage.budget("1", alerts=rule, **options)
    keeper = stage.keeper()
    await stage.drain(stage.settle(keeper, await stage.reserve(keeper, "1"), cents))
    await keeper.stop()
    return budget_id


async def _alerts(stage: Any) -> list[AlertView]:
    async with stage.database.session() as session:
        return list(await list_alerts(session, "acme"))


async def _deliver(stage: Any, channels: AlertChannels) -> dict[str, int]:
    counts = await deliver_alerts(stage.database, stage.clock, channels)
    assert counts.keys() == {"sent", "retried", "failed"}
    return {name: count for name, count in counts.items() if count}


async def test_a_webhook_gets_a_signed_post(stage: Any, sink: Sink) -> None:
    budget_id = await _reach(stage, AlertRule((50,), ("finance",)))
    assert await _deliver(stage, sink.channels()) == {"sent": 1}
    (post,) = sink.posts
    assert post["path"] == "/hooks/finance"
    (alert,) = await _alerts(stage)
    assert json.loads(post["body"]) == {
        "id": alert.id,
        "event": "budget.threshold",
        "at": "2026-11-21T12:00:00.000000Z",
        "organisation": None,
        "tenant": "acme",
        "budget": {
            "id": budget_id,
            "scope": "tenant",
            "scope_id": "acme",
            "period": "month",
            "hard": True,
        },
        "period": {
            "starts_at": "2026-11-01T00:00:00.000000Z",
            "ends_at": "2026-12-01T00:00:00.000000Z",
        },
        "threshold_percent": 50,
        "spent": "0.6",
        "limit": "1",
        "currency": "USD",
    }
    headers = post["headers"]
    assert (headers["sovgate-event"], headers["sovgate-delivery"]) == ("budget.threshold", alert.id)
    seconds = int(stage.clock.now().timestamp())
    digest = hmac.new(SECRET, f"{seconds}.{post['body']}".encode(), hashlib.sha256).hexdigest()
    assert headers["sovgate-signature"] == f"t={seconds},v1={digest}"
    assert (alert.status, alert.attempts, alert.sent_at) == ("sent", 1, stage.clock.now())
    assert await _deliver(stage, sink.channels()) == {}


async def test_each_address_gets_a_mail_of_its_own(stage: Any, sink: Sink) -> None:
    await _reach(stage, _BOTH)
    assert await _deliver(stage, sink.channels()) == {"sent": 1}
    mails = sorted(sink.mails, key=lambda mail: mail["to"])
    assert [mail["to"] for mail in mails] == [["cfo@example.com"], ["ops@example.com"]]
    message = email.message_from_string(mails[0]["content"], policy=email.policy.default)
    (alert,) = await _alerts(stage)
    assert message["subject"] == "Budget at 50 %: tenant acme"
    assert (message["from"], message["to"]) == ("alerts@example.com", "cfo@example.com")
    assert message["message-id"] == f"<{alert.id}@budgets.sovgate>"
    text = message.get_content()
    assert "has reached 50 %: 0.6 of 1 USD, at 2026-11-21T12:00:00.000000Z." in text
    assert "At its limit it refuses requests." in text
    assert "2026-12-01T00:00:00.000000Z" in text


async def test_no_pseudonym_leaves(stage: Any, sink: Sink) -> None:
    await stage.budget(
        "1", scope="end_user", scope_id="*", alerts=AlertRule((50,), ("ops",), ("a@example.com",))
    )
    keeper = stage.keeper()
    reservation = await stage.reserve(keeper, "1", end_user="eu_secret")
    await stage.drain(stage.settle(keeper, reservation, 60))
    assert await _deliver(stage, sink.channels()) == {"sent": 1}
    assert "eu_secret" not in json.dumps([sink.posts, sink.mails])
    (alert,) = await _alerts(stage)
    assert alert.end_user == "eu_secret"
    await keeper.stop()


async def test_only_the_target_that_failed_is_asked_again(stage: Any, sink: Sink) -> None:
    await _reach(stage, _BOTH)
    sink.script(status=500)
    assert await _deliver(stage, sink.channels()) == {"retried": 1}
    assert (len(sink.posts), len(sink.mails)) == (1, 2)
    (alert,) = await _alerts(stage)
    assert (alert.status, alert.error_code) == ("pending", "alert_refused")
    sink.script(status=200)
    assert await _deliver(stage, sink.channels()) == {}  # not yet
    stage.clock.advance(backoff(1))
    assert await _deliver(stage, sink.channels()) == {"sent": 1}
    assert (len(sink.posts), len(sink.mails)) == (2, 2)
    (alert,) = await _alerts(stage)
    assert (alert.status, alert.attempts, alert.error_code) == ("sent", 2, None)


async def test_it_is_given_up_after_eight_attempts(stage: Any, sink: Sink) -> None:
    await _reach(stage, AlertRule((50,), ("finance",)))
    sink.script(status=410)
    for attempt in range(1, MAX_ATTEMPTS):
        assert await _deliver(stage, sink.channels()) == {"retried": 1}
        stage.clock.advance(backoff(attempt))
    assert await _deliver(stage, sink.channels()) == {"failed": 1}
    stage.clock.advance(timedelta(days=1))
    assert await _deliver(stage, sink.channels()) == {}
    (alert,) = await _alerts(stage)
    assert (alert.status, alert.attempts, alert.error_code) == ("failed", 8, "alert_refused")
    assert len(sink.posts) == MAX_ATTEMPTS


@pytest.mark.parametrize(
    ("rule", "options", "script", "code"),
    [
        # A redirect could lead anywhere, so it is no delivery.
        (("finance",), {}, {"status": 307, "location": "/hooks/ops"}, "alert_refused"),
        (("finance",), {"timeout_s": 0.2}, {"status": 200, "delay_s": 3}, "alert_unreachable"),
        (("finance",), {"webhooks": {}}, {}, "unknown_alert_channel"),
        (
            ("finance",),
            {"webhooks": {"finance": Webhook("http://127.0.0.1:1/", b"k")}},
            {},
            "alert_unreachable",
        ),
        ("a@example.com", {"mail": None}, {}, "unknown_alert_channel"),
        ("a@example.com", {"mail": {"port": 1}}, {}, "alert_unreachable"),
        ("a@example.com", {"mail": {"starttls": True}}, {}, "alert_refused"),
        ("a@refused.example", {}, {}, "alert_refused"),
    ],
)
async def test_what_can_go_wrong(
    stage: Any, sink: Sink, rule: Any, options: dict[str, Any], script: dict[str, Any], code: str
) -> None:
    by_mail = isinstance(rule, str)
    await _reach(stage, AlertRule((50,), () if by_mail else rule, (rule,) if by_mail else ()))
    if script:
        sink.script(**script)
    channels = sink.channels(**options)
    if "mail" in options and options["mail"] is None:
        channels = AlertChannels()
    assert await _deliver(stage, channels) == {"retried": 1}
    (alert,) = await _alerts(stage)
    assert alert.error_code == code
    assert all(post["path"] != "/hooks/ops" for post in sink.posts)


async def test_mail_over_tls_with_an_account(stage: Any, safe_sink: Sink) -> None:
    await _reach(stage, AlertRule((50,), (), ("cfo@example.com",)))
    account = {"starttls": True, "username": "sovgate", "password": "wrong"}
    assert await _deliver(stage, safe_sink.channels(mail=account)) == {"retried": 1}
    stage.clock.advance(backoff(1))
    account["password"] = "a mail password"
    assert await _deliver(stage, safe_sink.channels(mail=account)) == {"sent": 1}
    assert [mail["tls"] for mail in safe_sink.mails] == [True]


async def test_processes_do_not_send_it_twice(stage: Any, sink: Sink) -> None:
    await _reach(stage, AlertRule(tuple(range(1, 11)), ("finance",)))
    results = await asyncio.gather(*(_deliver(stage, sink.channels()) for _ in range(4)))
    assert sum(counts.get("sent", 0) for counts in results) == 10
    assert len({post["headers"]["sovgate-delivery"] for post in sink.posts}) == 10
    assert len(sink.posts) == 10


async def test_without_a_target_it_is_listed_only(stage: Any) -> None:
    await _reach(stage, AlertRule((50,)))
    assert await _deliver(stage, AlertChannels()) == {"sent": 1}


def test_secrets_are_not_shown(sink: Sink) -> None:
    channels = sink.channels(mail={"username": "u", "password": "a mail password"})
    assert SECRET.decode() not in repr(channels)
    assert "a mail password" not in repr(channels)
