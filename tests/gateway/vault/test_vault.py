"""The same value, the same stand-in: over turns, replicas, cut histories."""

import gc
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select, text

from core.clock import ManualClock
from core.database import Database
from gateway.vault import VaultUnavailable
from gateway.vault.conversations import Conversations, Held
from gateway.vault.models import VaultConversation, VaultEntry, VaultSubject
from guardrails.pii.masking.memory import Remembered
from guardrails.types import MaskMode

from .conftest import Open, answer, mask, user

FIRST = user("I am Greta Vogel")
SECOND = user("and Ann Oak came")
THIRD = user("Bo Lind too, says Greta Vogel")


async def test_a_conversation_goes_on_elsewhere(replica: Open) -> None:
    one, two = await replica(), await replica()
    first = await one.turn(FIRST)
    second = await two.turn(FIRST, answer("Hi Greta Vogel"), SECOND)
    third = await one.turn(FIRST, answer("Hi Greta Vogel"), SECOND, answer("Hello both"), THIRD)
    assert first == ["I am [PERSON_1]"]
    assert second == [*first, "Hi [PERSON_1]", "and [PERSON_2] came"]
    assert third == [*second, "Hello both", "[PERSON_3] too, says [PERSON_1]"]


async def test_a_cut_history_is_recognised(replica: Open) -> None:
    one, two = await replica(), await replica()
    await one.turn(FIRST)
    await one.turn(FIRST, answer("Hi"), SECOND)
    assert await one.turn(SECOND, answer("ok"), THIRD) == [
        "and [PERSON_2] came",
        "ok",
        "[PERSON_3] too, says [PERSON_1]",
    ]
    assert await two.turn(SECOND, answer("ok"), THIRD, answer("no"), user("Ann Oak")) == [
        "and [PERSON_2] came",
        "ok",
        "[PERSON_3] too, says [PERSON_1]",
        "no",
        "[PERSON_2]",
    ]


async def test_an_identifier_tells_the_conversation(replica: Open) -> None:
    one, two = await replica(), await replica()
    assert await one.turn(FIRST, conversation="c1") == ["I am [PERSON_1]"]
    assert await two.turn(user("Ann Oak, Greta Vogel"), conversation="c1") == [
        "[PERSON_2], [PERSON_1]"
    ]
    assert await two.turn(user("Ann Oak"), conversation="c2") == ["[PERSON_1]"]


async def test_surrogates_go_on_elsewhere(replica: Open) -> None:
    modes = {"PERSON": MaskMode.SURROGATE, "EMAIL_ADDRESS": MaskMode.SURROGATE}
    one, two = await replica(), await replica()
    text_ = user("Greta Vogel, greta.vogel@example.com")
    first = await one.turn(text_, modes=modes)
    later = await two.turn(text_, answer("Hi Greta Vogel"), user("Vogel?"), modes=modes)
    assert later[0] == first[0]
    name = first[0].partition(",")[0]
    assert later[1:] == [f"Hi {name}", f"{name.split()[1]}?"]


async def test_tenants_and_their_keys_share_nothing(replica: Open) -> None:
    one = await replica()
    modes = {"PERSON": MaskMode.HASH}
    await one.turn(FIRST, answer("Hi"), SECOND)
    for other in ({"tenant": "globex"}, {"key": "key_2"}):
        assert await one.turn(FIRST, answer("Hi"), user("Bo Lind"), **other) == [
            "I am [PERSON_1]",
            "Hi",
            "[PERSON_2]",
        ]
    hashes = {
        tenant: (await one.turn(FIRST, tenant=tenant, modes=modes))[0]
        for tenant in ("acme", "globex")
    }
    assert hashes["acme"] != hashes["globex"]


async def test_a_known_conversation_asks_the_database_nothing(
    replica: Open, database: Database
) -> None:
    one = await replica(watch_s=3600)
    await one.turn(FIRST)
    asked: list[str] = []
    event.listen(
        database.engine.sync_engine,
        "before_cursor_execute",
        lambda *arguments: asked.append(arguments[2]),
    )
    body = {"messages": [FIRST, answer("Hi"), SECOND]}
    memory = await one.vault.open("acme", "key_1", body, {})
    assert len(memory) == 1
    await one.vault.open("acme", "key_1", {"messages": [user("a new one")]}, {})
    assert asked == []


async def test_two_replicas_that_issue_one_number_keep_one(replica: Open) -> None:
    one, two = await replica(), await replica()
    await one.turn(FIRST, conversation="c")
    await two.turn(FIRST, conversation="c")
    lone, other = await one.turn(SECOND, conversation="c"), await two.turn(THIRD, conversation="c")
    assert lone == ["and [PERSON_2] came"]
    assert other == ["[PERSON_2] too, says [PERSON_1]"]  # each alone is right for its answer
    again = await two.turn(user("Ann Oak and Bo Lind"), conversation="c")
    assert again == ["[PERSON_2] and [PERSON_3]"]
    assert await one.turn(user("Bo Lind"), conversation="c") != ["[PERSON_2]"]


async def test_what_expired_is_forgotten(
    replica: Open, clock: ManualClock, database: Database
) -> None:
    one = await replica()
    await one.turn(SECOND, answer("x"), FIRST)
    clock.advance(timedelta(days=6))
    await one.turn(SECOND, answer("x"), FIRST, answer("Hi"), user("hello"))  # lives on
    clock.advance(timedelta(days=6))
    assert await (await replica()).turn(FIRST, answer("Hi"), user("ok")) == [
        "I am [PERSON_2]",
        "Hi",
        "ok",
    ]
    clock.advance(timedelta(days=8))
    assert await (await replica()).turn(FIRST, answer("Hi"), user("so")) == [
        "I am [PERSON_1]",
        "Hi",
        "so",
    ]
    assert await one.vault.purge() == 1
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(VaultConversation)) == 1
        assert await session.scalar(select(func.count()).select_from(VaultSubject)) == 1


async def test_an_expired_name_begins_anew(replica: Open, clock: ManualClock) -> None:
    one, two = await replica(), await replica()
    await one.turn(FIRST, conversation="c")
    clock.advance(timedelta(days=8))
    for process in (one, two):
        assert await process.turn(SECOND, conversation="c") == ["and [PERSON_1] came"]
    assert await two.turn(FIRST, conversation="c") == ["I am [PERSON_2]"]


async def test_nothing_masked_is_nothing_stored(replica: Open, database: Database) -> None:
    one = await replica()
    await one.turn(user("hello"))
    await one.turn(FIRST, modes={"PERSON": MaskMode.REDACT})
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(VaultEntry)) == 0
        assert await session.scalar(select(func.count()).select_from(VaultConversation)) == 0


async def test_without_a_database_tokens_are_fresh_and_nothing_is_lost(
    replica: Open, database: Database, clock: ManualClock
) -> None:
    one = await replica(watch_s=3600)
    assert await one.turn(FIRST) == ["I am [PERSON_1]"]
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE vault_entries RENAME TO away"))
    assert await one.turn(FIRST, answer("Hi"), SECOND) == [
        "I am [PERSON_1]",
        "Hi",
        "and [PERSON_2] came",
    ]
    two = await replica(watch_s=3600)
    assert await two.turn(FIRST, answer("Hi"), SECOND) == [
        "I am [PERSON_1]",
        "Hi",
        "and [PERSON_2] came",
    ]
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE away RENAME TO vault_entries"))
    clock.advance(timedelta(seconds=2))
    await one.turn(FIRST, answer("Hi"), SECOND, answer("ok"), user("so"))
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(VaultEntry)) == 2


async def test_a_vault_that_is_required_refuses(replica: Open, database: Database) -> None:
    one = await replica(required=True, watch_s=3600)
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE vault_tenants RENAME TO away"))
    with pytest.raises(VaultUnavailable):
        await one.turn(FIRST)


async def test_memory_of_conversations_is_bounded(replica: Open) -> None:
    one = await replica(conversations=3)
    for number in range(10):
        await one.turn(FIRST, conversation=f"c{number}")
    assert len(one.vault._held) == 3
    gc.collect()
    assert len(one.vault._of_memory) <= 3, "forgotten conversations are still in memory"


async def test_many_values_count_as_many_conversations(replica: Open) -> None:
    one = await replica(conversations=1)
    held = Conversations(3)
    opened: list[Held] = []
    for number in range(4):
        memory = await one.vault.open("acme", "key_1", {"messages": [FIRST]}, {})
        mask(memory, ["Greta Vogel", "Ann Oak", "Bo Lind", "李雷", "greta.vogel@example.com"])
        found = one.vault._of_memory[memory]()
        assert found is not None
        opened.append(found)
        held.put(opened[-1])
        held.put(opened[-1])
        assert len(held) == min(number + 1, 3)
    for number in range(10):
        entry = Remembered("X", str(number), MaskMode.PLACEHOLDER, "X", number, f"[X_{number}]")
        opened[-1].memory.add(entry)
    held.recount(opened[-1])
    assert len(held) == 2  # 15 and 5 values of at most 24
    held.recount(opened[0])  # forgotten meanwhile
    assert len(held) == 2
    held.drop("acme")
    assert (len(held), held._values) == (0, 0)


async def test_a_conversation_that_grew_too_long_begins_anew(replica: Open) -> None:
    one = await replica(entries=2)
    await one.turn(user("Greta Vogel, Ann Oak"), conversation="c")
    assert await one.turn(user("Bo Lind"), conversation="c") == ["[PERSON_1]"]


async def test_alone_no_turn_waits_and_the_stop_writes_all(
    replica: Open, database: Database
) -> None:
    """Nobody else reads what this process knows; the next process has all of it."""
    alone = await replica(alone=True)
    assert await alone.turn(FIRST, conversation="c1") == ["I am [PERSON_1]"]
    assert await _entries(database) == 0  # it is still to be written
    await alone.vault.stop()
    assert await _entries(database) == 1
    assert await (await replica()).turn(SECOND, FIRST, conversation="c1") == [
        "and [PERSON_2] came",
        "I am [PERSON_1]",
    ]


async def _entries(database: Database) -> int:
    async with database.session() as session:
        return await session.scalar(select(func.count()).select_from(VaultEntry)) or 0
