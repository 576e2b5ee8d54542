"""Where the guards run, what they remember, and that they deny when they cannot look."""

import asyncio
import os
import signal
import threading

import pytest

from gateway.content import Document
from gateway.errors import Unavailable
from gateway.guarding import Guards
from gateway.guarding import guards as module
from gateway.guarding.beside import BesideProcess
from gateway.guarding.findings import FindingsCache
from gateway.settings import PolicySettings
from guardrails.detectors import Detectors
from guardrails.errors import GuardUnavailable
from guardrails.injection import InjectionGuard
from guardrails.moderation import ModerationGuard
from guardrails.pii import PiiEngine
from guardrails.types import Role, Span

POLICY = PolicySettings.model_validate({"pii": {"entities": ["EMAIL_ADDRESS"]}})
LONG = "Nothing of note happened in this place. " * 1500 + "Write to greta.vogel@example.com."


def document(text: str) -> Document:
    return Document(((text, True),))


@pytest.fixture(scope="module")
def detectors() -> Detectors:
    return Detectors(PiiEngine.load(ner="none"), ModerationGuard.load(), InjectionGuard.load())


@pytest.fixture
def guards(detectors: Detectors):
    made = Guards(detectors, beside=BesideProcess())
    yield made
    made.close()


async def found(guards: Guards, text: str, tenant: str = "acme") -> list[str]:
    inspection = await guards.inspect(tenant, [document(text)], [], POLICY)
    return [text[span.start : span.end] for span in inspection.spans[text]]


async def test_texts_and_speeches(guards: Guards) -> None:
    inspection = await guards.inspect(
        "acme", [document("to greta@example.com")], [("hello", Role.USER)], POLICY
    )
    assert [span.entity_type for span in inspection.spans["to greta@example.com"]] == [
        "EMAIL_ADDRESS"
    ]
    assert [judgement.role for judgement in inspection.judgements] == [Role.USER]


async def test_nothing_is_looked_for_where_the_policy_allows_it_all(guards: Guards) -> None:
    policy = PolicySettings.model_validate({"pii": {"action": "allow"}})
    inspection = await guards.inspect("acme", [document("greta@example.com")], [], policy)
    assert inspection.spans == {}


async def test_a_text_is_looked_at_once_per_tenant(guards: Guards, detectors: Detectors) -> None:
    looked: list[str] = []

    class Counting:
        pii, moderation, injection = detectors.pii, detectors.moderation, detectors.injection

        def run(self, task):
            looked.append(task.text)
            return detectors.run(task)

    counting = Guards(Counting())  # type: ignore[arg-type]
    for tenant in ("acme", "acme", "globex"):
        assert await found(counting, "to greta@example.com", tenant) == ["greta@example.com"]
    counting.close()
    assert len(looked) == 2


async def test_a_long_text_is_looked_at_in_a_process_beside(guards: Guards) -> None:
    assert await found(guards, LONG) == ["greta.vogel@example.com"]
    pool = guards._beside._pool  # type: ignore[union-attr]
    assert pool is not None
    (process,) = pool._processes.values()
    assert process.pid != os.getpid()


async def test_the_loop_runs_on_while_a_long_text_is_looked_at(guards: Guards) -> None:
    await found(guards, LONG + " again")
    pool = guards._beside._pool  # type: ignore[union-attr]
    assert pool is not None
    (process,) = pool._processes.values()
    os.kill(process.pid or 0, signal.SIGSTOP)  # it takes as long as the test wants it to
    looking = asyncio.ensure_future(found(guards, LONG * 20))
    try:
        for _ in range(5):
            await asyncio.sleep(0.005)
        assert not looking.done()
    finally:
        os.kill(process.pid or 0, signal.SIGCONT)
    assert await looking != []


async def test_a_process_that_dies_denies_and_is_replaced(guards: Guards) -> None:
    await found(guards, LONG)
    pool = guards._beside._pool  # type: ignore[union-attr]
    assert pool is not None
    (process,) = pool._processes.values()
    # Stopped, so that it cannot be done before it is killed.
    os.kill(process.pid or 0, signal.SIGSTOP)
    looking = asyncio.ensure_future(found(guards, LONG * 2))
    await asyncio.sleep(0.1)
    os.kill(process.pid or 0, signal.SIGKILL)
    with pytest.raises(GuardUnavailable, match="ended"):
        await looking
    assert await found(guards, LONG + "!") == ["greta.vogel@example.com"]


async def test_too_much_waiting_is_refused_and_says_when_to_come_back(
    guards: Guards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_CHARS", 30)
    monkeypatch.setattr(module, "AT_ONCE_CHARS", 0)
    several = await asyncio.gather(
        *(found(guards, f"number {index} of some texts") for index in range(4)),
        return_exceptions=True,
    )
    refused = [error for error in several if isinstance(error, Unavailable)]
    assert len(refused) == 3
    assert refused[0].context["retry_after_s"] == 1
    assert await found(guards, "and again one of them") == []


@pytest.mark.parametrize(("turn_s", "turns"), [(0.0, 5), (60.0, 3)])
async def test_short_texts_that_come_together_share_a_turn_of_the_loop_while_it_lasts(
    detectors: Detectors, monkeypatch: pytest.MonkeyPatch, turn_s: float, turns: int
) -> None:
    monkeypatch.setattr(module, "TURN_S", turn_s)
    looked: list[str] = []
    others_had_a_turn: list[bool] = [True]
    counted = 0

    class Watched(PiiEngine):
        def detect(self, text, **options):
            nonlocal counted
            name = threading.current_thread().name
            looked.append(name)
            if name == "MainThread" and others_had_a_turn:
                others_had_a_turn.clear()
                counted += 1
                asyncio.get_running_loop().call_soon(others_had_a_turn.append, True)
            return detectors.pii.detect(text, **options)

    guards = Guards(Detectors(Watched([], version="1"), detectors.moderation, detectors.injection))
    texts = [f"write to greta{index}@example.com" for index in range(3)]
    long = "nothing here. " * 100
    first, given_up, *rest = [
        asyncio.ensure_future(found(guards, text))
        for text in ["the first", "nobody waits for this one", *texts, long]
    ]
    await asyncio.sleep(0)
    given_up.cancel()
    several = await asyncio.gather(first, *rest)
    assert several == [[], *([f"greta{index}@example.com"] for index in range(3)), []]
    await found(guards, "and one more")
    guards.close()
    assert looked.count("MainThread") == 5
    assert counted == turns  # the first at once, the three that waited, and one more
    assert sum(name.startswith("guards") for name in looked) == 1


async def test_a_detector_that_fails_denies(detectors: Detectors) -> None:
    class Broken(PiiEngine):
        def detect(self, text, **options):
            raise ValueError(text)

    broken = Broken([], version="1")
    guards = Guards(Detectors(broken, detectors.moderation, detectors.injection))
    with pytest.raises(GuardUnavailable) as caught:
        await guards.inspect("acme", [document("greta@example.com")], [], POLICY)
    guards.close()
    assert "greta" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_cache_is_bounded_by_what_it_holds() -> None:
    cache = FindingsCache(max_weight=10)
    spans = tuple(Span(index, index + 1, "PERSON", 1.0, "d") for index in range(6))
    first, second = cache.key("acme", "", "a"), cache.key("acme", "", "b")
    cache.put(first, spans)
    assert cache.get(first) == spans
    cache.put(second, spans)
    assert cache.get(first) is None
    assert cache.get(second) == spans


def test_keys_tell_tenants_and_questions_apart() -> None:
    cache = FindingsCache()
    keys = {
        cache.key(tenant, asked, text)
        for tenant in ("a", "b")
        for asked in ("x", "y")
        for text in ("t", "u")
    }
    assert len(keys) == 8
