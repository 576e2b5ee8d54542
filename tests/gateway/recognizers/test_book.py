"""Which recognizers a tenant has now: changes hold within seconds, an outage denies."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from core.clock import ManualClock
from core.database import Database
from gateway.errors import SettingsError
from gateway.recognizers import RecognizerBook, RecognizerService, Sealer, check_policies
from gateway.recognizers.errors import RecognizerUnreadable
from gateway.settings import PolicySettings
from gateway.tenants.service import TenantService
from guardrails.errors import GuardUnavailable
from guardrails.pii.custom import RecognizerSpec, TenantRecognizers

SEALER = Sealer(b"p" * 32)
POLICY = PolicySettings.model_validate(
    {
        "pii": {
            "recognizers": [
                {"name": "project", "entity": "PROJECT", "deny_list": {"values": ["Nightfall"]}}
            ],
            "allow_list": ["help@acme.example"],
        }
    }
)


def spec(name: str, value: str) -> RecognizerSpec:
    return RecognizerSpec.model_validate(
        {"name": name, "entity": "VIP", "deny_list": {"values": [value]}}
    )


def found(own: TenantRecognizers, text: str) -> set[str]:
    return {
        text[each.start : each.end]
        for recognizer in own.recognizers
        for each in recognizer.analyze(text, recognizer.supported_entities, None)  # type: ignore[arg-type]
    }


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 22, tzinfo=UTC))


@pytest.fixture
async def tenants(database: Database, clock: ManualClock) -> None:
    async with database.transaction() as session:
        service = TenantService(session, clock, {"default"})
        for name in ("acme", "globex"):
            await service.create_tenant(name)


@pytest.fixture
async def book(
    database: Database, clock: ManualClock, tenants: None
) -> AsyncIterator[RecognizerBook]:
    book = RecognizerBook(database, check_policies({"default": POLICY}), SEALER, clock)
    yield book
    await book.close()


async def store(database: Database, clock: ManualClock, tenant: str, each: RecognizerSpec) -> str:
    async with database.transaction() as session:
        service = RecognizerService(session, tenant, clock, SEALER)
        return (await service.create(each)).id


async def test_policy_and_database_together(
    book: RecognizerBook, database: Database, clock: ManualClock
) -> None:
    await store(database, clock, "acme", spec("vips", "Ottilie Quast"))
    text = "Ottilie Quast on Nightfall"
    own = await book.of("acme", POLICY)
    assert found(own, text) == {"Ottilie Quast", "Nightfall"}
    assert own.allow is not None
    assert own.allow("help@acme.example")
    assert own.entities == {"VIP", "PROJECT"}
    assert found(await book.of("globex", POLICY), text) == {"Nightfall"}


async def test_the_same_while_nothing_changes(book: RecognizerBook, clock: ManualClock) -> None:
    first = await book.of("acme", POLICY)
    clock.advance(timedelta(seconds=60))
    assert await book.of("acme", POLICY) is first


async def test_a_change_elsewhere_is_noticed_within_seconds(
    book: RecognizerBook, database: Database, clock: ManualClock
) -> None:
    versions = [(await book.of("acme", POLICY)).version]
    recognizer_id = await store(database, clock, "acme", spec("vips", "Quast"))
    clock.advance(timedelta(seconds=3))
    own = await book.of("acme", POLICY)
    versions.append(own.version)
    assert found(own, "Quast") == {"Quast"}
    async with database.transaction() as session:
        service = RecognizerService(session, "acme", clock, SEALER)
        await service.replace(recognizer_id, 1, spec("vips", "Vogel"))
    clock.advance(timedelta(seconds=3))
    own = await book.of("acme", POLICY)
    versions.append(own.version)
    assert found(own, "Quast, Vogel") == {"Vogel"}
    assert len(set(versions)) == 3, "findings of before must not be served from a cache"


async def test_a_change_here_holds_at_once(
    book: RecognizerBook, database: Database, clock: ManualClock
) -> None:
    await book.of("acme", POLICY)
    await store(database, clock, "acme", spec("vips", "Quast"))
    book.invalidate("acme")
    assert found(await book.of("acme", POLICY), "Quast") == {"Quast"}


async def test_an_outage_serves_what_is_known_for_a_while_and_denies_the_rest(
    book: RecognizerBook, database: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(database, clock, "acme", spec("vips", "Quast"))
    await book.of("acme", POLICY)

    def away() -> Any:
        raise OperationalError("SELECT", {}, ConnectionRefusedError())

    monkeypatch.setattr(database, "session", away)
    clock.advance(timedelta(minutes=5))
    assert found(await book.of("acme", POLICY), "Quast") == {"Quast"}
    with pytest.raises(GuardUnavailable):
        await book.of("globex", POLICY)
    clock.advance(timedelta(minutes=6))
    with pytest.raises(GuardUnavailable):
        await book.of("acme", POLICY)


async def test_another_pepper_opens_nothing(
    database: Database, clock: ManualClock, tenants: None
) -> None:
    await store(database, clock, "acme", spec("vips", "Quast"))
    book = RecognizerBook(database, {}, Sealer(b"q" * 32), clock)
    with pytest.raises(RecognizerUnreadable):
        await book.of("acme", POLICY)


@pytest.mark.parametrize(
    ("pii", "where"),
    [
        (
            {"recognizers": [{"name": "x", "entity": "X", "patterns": [{"regex": "[a-z]+"}]}]},
            "policies.default.pii.recognizers.0.patterns.0.regex",
        ),
        ({"allow_list": {"patterns": [".*"]}}, "policies.default.pii.allow_list.patterns.0"),
        ({"registry_file": "/nowhere.yaml"}, "policies.default.pii.registry_file"),
    ],
)
def test_a_policy_that_cannot_run_stops_the_start(pii: dict[str, Any], where: str) -> None:
    policy = PolicySettings.model_validate({"pii": pii})
    with pytest.raises(SettingsError) as stopped:
        check_policies({"default": policy})
    assert stopped.value.message.startswith(where)


def test_sealed_definitions() -> None:
    sealed = SEALER.seal("acme", "rec_1", spec("vips", "Quast"))
    assert SEALER.open("acme", "rec_1", sealed) == spec("vips", "Quast")
    assert sealed != SEALER.seal("acme", "rec_1", spec("vips", "Quast"))
    for tenant, recognizer_id, content in (
        ("globex", "rec_1", sealed),
        ("acme", "rec_2", sealed),
        ("acme", "rec_1", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        ("acme", "rec_1", b""),
    ):
        with pytest.raises(RecognizerUnreadable):
            SEALER.open(tenant, recognizer_id, content)
